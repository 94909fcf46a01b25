() => {
  // Before and after on the stage: one leads, the other follows; and a divider between them. Of
  // several clips one is chosen (data-clip of the stage), or all are seen.
  const DRIFT_SECONDS = 0.06;
  const stage = () => document.getElementById("stage");
  let job = "";

  const follow = (after, before) => {
    if (before.readyState < 2 || before.seeking) return;
    if (Math.abs(before.currentTime - after.currentTime) > DRIFT_SECONDS) {
      before.currentTime = Math.min(after.currentTime, before.duration);
    }
    if (after.paused && !before.paused) before.pause();
    if (!after.paused && before.paused && !before.ended) before.play().catch(() => {});
  };

  const press = (selector, isPressed) => {
    for (const button of stage().querySelectorAll(selector)) {
      button.setAttribute("aria-pressed", String(isPressed(button)));
    }
  };

  // Another job begins with all of its clips.
  const choice = () => {
    const shown = stage()?.querySelector(".stage")?.dataset.job ?? "";
    if (shown !== job) delete stage()?.dataset.clip;
    job = shown;
    return stage()?.dataset.clip;
  };

  const tick = () => {
    const chosen = choice();
    const clips = [...document.querySelectorAll("#stage .videos .after")];
    const before = document.querySelector("#stage .compare .before");
    const leading = clips.length > 1 ? clips[chosen] : clips[0];
    if (clips.length > 1) press("[data-choose]", (button) => button.dataset.choose === chosen);
    if (!before) return setTimeout(tick, 300);
    const isAlone = stage().classList.contains("only-result");
    for (const clip of clips) clip.controls = clip !== leading || isAlone;
    if (leading && !isAlone) follow(leading, before);
    else before.pause();
    press("[data-view]", () => isAlone);
    return requestAnimationFrame(tick);
  };
  tick();

  document.addEventListener("input", ({ target }) => {
    if (target.matches?.("#stage .split")) stage().style.setProperty("--split", `${target.value}%`);
  });
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("#stage [data-view]")) stage().classList.toggle("only-result");
    const button = target.closest?.("#stage [data-choose]");
    if (!button) return;
    const { choose } = button.dataset;
    if (stage().dataset.clip === choose) delete stage().dataset.clip;
    else stage().dataset.clip = choose;
    press("[data-choose]", (each) => each.dataset.choose === stage().dataset.clip);
  });
}
