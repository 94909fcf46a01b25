// One change is often several, told in the same moment: they are let pass before one is asked for
// all. Asked at once, Gradio would send a question for each, and take their answers as they come.
const PAUSE_MS = 20;
let asked = 0;
const follow = () => {
  clearTimeout(asked);
  asked = setTimeout(() => trigger("follow", {}), PAUSE_MS);
};
element.closest("#plan").addEventListener("follow", follow);
follow();
