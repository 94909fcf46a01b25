// A mask is drawn over the frame at which the used part begins. Each stroke's end sends it, as a
// PNG of the video's size, white where it was drawn. Events: 'drawn', with its path; 'wiped'.
const SHADE = "#6366f1";
const find = (name) => element.querySelector(name);
const facts = () => find(".paint")?.dataset;
let video = ""; // the video that the strokes belong to
let last = null; // the pointer's last place, while it draws
let sending = 0;

const strokes = () => find(".strokes");

const wipe = () => strokes().getContext("2d").clearRect(0, 0, strokes().width, strokes().height);

const place = (event) => {
  const box = strokes().getBoundingClientRect();
  const scale = strokes().width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
};

const draw = ([x, y]) => {
  const context = strokes().getContext("2d");
  const wide = (Number(find(".brush").value) / 100) * strokes().width;
  context.globalCompositeOperation = find(".eraser").checked ? "destination-out" : "source-over";
  Object.assign(context, { strokeStyle: SHADE, lineWidth: wide, lineCap: "round" });
  context.beginPath();
  context.moveTo(...last);
  context.lineTo(x + 0.01, y); // a touch in one place draws a dot
  context.stroke();
  last = [x, y];
};

// Black and white, and nothing between: half-covered edges count as drawn.
const picture = () => {
  const { width, height } = strokes();
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pixels = strokes().getContext("2d").getImageData(0, 0, width, height);
  let drawn = 0;
  for (let at = 0; at < pixels.data.length; at += 4) {
    const level = pixels.data[at + 3] > 127 ? 255 : 0;
    drawn += level;
    pixels.data.set([level, level, level, 255], at);
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return drawn ? new Promise((done) => canvas.toBlob(done, "image/png")) : null;
};

const send = async () => {
  const blob = await picture();
  if (!blob) {
    trigger("wiped", {});
    return;
  }
  sending += 1;
  try {
    const file = new File([blob], facts().name);
    const { path } = await upload(file);
    if (sending === 1) trigger("drawn", { path });
  } finally {
    sending -= 1;
  }
};

element.addEventListener("pointerdown", (event) => {
  if (event.target !== strokes() || event.button) return;
  event.preventDefault();
  strokes().setPointerCapture(event.pointerId);
  last = place(event);
  draw(last);
});
element.addEventListener("pointermove", (event) => {
  if (last) for (const each of event.getCoalescedEvents?.() ?? [event]) draw(place(each));
});
for (const name of ["pointerup", "pointercancel"]) {
  element.addEventListener(name, () => {
    if (last === null) return;
    last = null;
    send();
  });
}
element.addEventListener("click", (event) => {
  if (!event.target.closest(".clear")) return;
  wipe();
  trigger("wiped", {});
});

const follow = () => {
  if (!facts()) return;
  if (facts().key !== video) wipe();
  video = facts().key;
  if (facts().drawn === "no" && !sending && last === null) wipe(); // another mask took its place
};
watch("value", follow);
follow();
