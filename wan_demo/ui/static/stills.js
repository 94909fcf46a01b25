() => {
  // Where the browser can't play a video, or only its sound, the box shows a still picture of it:
  // the one of which the page's ".stills" tell. While it loads, nothing is wrong yet.
  const BOXES = ["video", "continued"];
  const player = (box) => document.querySelector(`#${box} video`);
  const isUnplayable = (box) => document.body.classList.contains(`unplayable-${box}`);

  const show = (box) => {
    const still = document.querySelector(`.stills[data-of="${box}"]`)?.dataset;
    if (!still || !player(box) || !isUnplayable(box)) return;
    player(box).poster = new URL(`${still.look}/frame?at=${still.at}`, document.baseURI);
  };

  const judge = (event) => {
    const { type, target } = event;
    const box = BOXES.find((name) => target === player(name));
    if (!box) return;
    const isSoundOnly = type === "loadedmetadata" && !target.videoWidth;
    document.body.classList.toggle(`unplayable-${box}`, type === "error" || isSoundOnly);
    if (type === "loadstart") target.removeAttribute("poster"); // a former video's
    if (type === "error") event.stopImmediatePropagation(); // Gradio would raise an alarm
    show(box);
  };
  for (const type of ["loadstart", "loadedmetadata", "error"]) {
    document.addEventListener(type, judge, true);
  }
  document.addEventListener("still", () => BOXES.forEach(show));
}
