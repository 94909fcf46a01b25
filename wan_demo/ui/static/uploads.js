() => {
  // Gradio's boxes pass over what the system takes for another kind of file, as it does a recording
  // named .ts on Linux or a phone's .heic, without a word or in a computer's. Whatever was chosen
  // or dropped is sent: the server looks inside, and says what is wrong with it.
  const BOXES = { "#video, #continued": "video", "#image, #last_image": "image" };
  const kindOf = (input) => Object.entries(BOXES).find(([boxes]) => input.closest(boxes))?.[1];
  const isAll = (kind, files) => [...files].every((file) => file.type.startsWith(`${kind}/`));

  document.addEventListener(
    "change",
    ({ target }) => {
      const kind = target.matches?.("input[type=file]") && kindOf(target);
      if (!kind || isAll(kind, target.files)) return;
      const chosen = new DataTransfer();
      for (const file of target.files) {
        chosen.items.add(new File([file], file.name, { type: `${kind}/unknown` }));
      }
      target.files = chosen.files;
    },
    true,
  );
  document.addEventListener(
    "drop",
    (event) => {
      const box = event.target.closest?.(Object.keys(BOXES).join());
      const input = box?.querySelector("input[type=file]");
      const files = event.dataTransfer?.files ?? [];
      if (!input || !files.length || isAll(kindOf(input), files)) return;
      event.preventDefault();
      event.stopPropagation();
      input.files = files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    },
    true,
  );

  // Until an upload is in the form Generate does nothing, and the line above it says so. Gradio would
  // wait for the file, and then send it with what the form held before the server knew its shape.
  const SHAPING = "#image, #video, #continued"; // the boxes whose upload the form is made to fit
  const PATIENCE_MS = 10000; // of an upload that failed nothing more is heard
  const isSeen = (each) => each.checkVisibility();
  let shape = ""; // "awaited" until the form fits, then "told" until the line above Generate does
  let box = null; // of that upload
  let patience = 0;

  const set = (state) => {
    shape = state;
    look();
  };
  const look = () => {
    const uploading = [...document.querySelectorAll(".uploading")].filter(isSeen);
    const shaping = uploading.map((each) => each.closest(SHAPING)).find(Boolean);
    if (shaping) {
      [shape, box] = ["awaited", shaping];
      clearTimeout(patience);
      patience = setTimeout(() => set(""), PATIENCE_MS);
    }
    const isComing = uploading.length > 0 || (shape !== "" && isSeen(box));
    document.body.classList.toggle("coming", isComing);
    document.getElementById("generate")?.setAttribute("aria-disabled", String(isComing));
  };
  const watch = () => {
    const page = document.querySelector(".gradio-container");
    if (!page) return setTimeout(watch, 100);
    new MutationObserver(look).observe(page, { subtree: true, childList: true, attributeFilter: ["style"] });
  };
  watch();
  document.addEventListener("shaped", () => {
    document.getElementById("plan").dispatchEvent(new Event("follow"));
    set("told");
  });
  document.addEventListener("told", () => shape === "told" && set(""));

  document.addEventListener(
    "click",
    (event) => {
      if (!event.target.closest?.("#generate")) return;
      if (!document.body.classList.contains("coming")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );
}
