// A mask is drawn over the frame at which the used part begins. Each stroke's end sends it, as a
// PNG of the video's size, white where it was drawn. Events: 'drawn', with its path; 'wiped'.
// By keyboard a brush of its own moves over the board (pen); it draws while it is down.
const STEP = 0.02;
const FAR = 0.1;
const QUIET_MS = 400;
const PATIENCE_MS = 5000;
const RGB = [0x63, 0x66, 0xf1];
const SHADE = `rgb(${RGB})`;
const find = (name) => element.querySelector(name);
const facts = () => find(".paint")?.dataset;
let video = ""; // the video that the strokes belong to
let board = null; // what they are on: another one is there after another tab, or a reload
let last = null; // the pointer's last place, while it draws
let sending = 0;
let awaited = 0; // until then an answer without a mask may be one to what was before the last stroke
let pen = [0.5, 0.5]; // shares of the board
let held = ""; // the key that has put the pen down
let saying = 0;

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
  sending += 1; // from here on: an answer to what was before may come while the picture is made
  try {
    const blob = await picture();
    if (!blob) {
      trigger("wiped", {});
      return;
    }
    const file = new File([blob], facts().name);
    const { path } = await upload(file);
    if (sending === 1) {
      awaited = Date.now() + PATIENCE_MS;
      setTimeout(follow, PATIENCE_MS + 1);
      trigger("drawn", { path });
    }
  } finally {
    sending -= 1;
  }
};

const clamp = (share) => Math.min(Math.max(share, 0), 1);
const penPlace = () => [pen[0] * strokes().width, pen[1] * strokes().height];

const showPen = () => {
  element.style.setProperty("--across", pen[0]); // of what holds the board, which answers leave alone
  element.style.setProperty("--down", pen[1]);
  element.style.setProperty("--wide", Number(find(".brush").value) / 100);
  element.dataset.pen = held === "" ? "up" : "down";
  clearTimeout(saying);
  saying = setTimeout(() => {
    const place = pen.map((share) => Math.round(100 * share));
    const say = find(".place");
    if (say) say.textContent = say.dataset.words.replace(/\{\d?\}/g, () => place.shift());
  }, QUIET_MS);
};

const putDown = (key) => {
  held = key;
  last = penPlace();
  draw(last);
};
const lift = () => {
  if (held === "") return;
  held = "";
  last = null;
  send();
};
const clear = () => {
  held = "";
  last = null;
  awaited = 0;
  wipe();
  trigger("wiped", {});
};
const movePen = (across, down) => {
  pen = [clamp(pen[0] + across), clamp(pen[1] + down)];
  if (held !== "") draw(penPlace());
};
const resize = (by) => {
  find(".brush").value = Number(find(".brush").value) + by;
};

const KEYS = {
  ArrowLeft: (by) => movePen(-by, 0),
  ArrowRight: (by) => movePen(by, 0),
  ArrowUp: (by) => movePen(0, -by),
  ArrowDown: (by) => movePen(0, by),
  " ": () => held === "" && putDown(" "),
  Enter: () => (held === "Enter" ? lift() : putDown("Enter")),
  "+": () => resize(2),
  "=": () => resize(2),
  "-": () => resize(-2),
  Delete: clear,
  Backspace: clear,
};

element.addEventListener("keydown", (event) => {
  const { key, target, shiftKey, ctrlKey, metaKey, altKey } = event;
  if (target !== strokes() || ctrlKey || metaKey || altKey) return;
  if (key === "Escape" && held !== "") lift();
  else if (KEYS[key] && !(event.repeat && key === "Enter")) KEYS[key](shiftKey ? FAR : STEP);
  else return;
  event.preventDefault();
  event.stopPropagation();
  showPen();
});
element.addEventListener("keyup", ({ key, target }) => {
  if (target !== strokes() || key !== " " || held !== " ") return;
  lift();
  showPen();
});
element.addEventListener("focusin", ({ target }) => {
  if (target === strokes()) showPen();
});
element.addEventListener("focusout", lift);

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
  if (event.target.closest(".clear")) clear();
});

// What was drawn on a former board. Where it is gone there is no mask either.
const bring = async () => {
  const here = strokes();
  const root = find(".frame").src.split("/glimpses/")[0]; // in another site's document not its own
  const src = `${root}/gradio_api/file=${encodeURI(facts().mask)}`;
  const image = Object.assign(new Image(), { crossOrigin: "anonymous", src });
  try {
    await image.decode();
  } catch {
    trigger("wiped", {});
    return;
  }
  const { width, height } = here;
  const former = Object.assign(document.createElement("canvas"), { width, height });
  const context = former.getContext("2d");
  context.drawImage(image, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  for (let at = 0; at < pixels.data.length; at += 4) {
    pixels.data.set([...RGB, pixels.data[at] > 127 ? 255 : 0], at);
  }
  context.putImageData(pixels, 0, 0);
  here.getContext("2d").drawImage(former, 0, 0);
};

const follow = () => {
  if (!facts()) return;
  const isOther = facts().key !== video || strokes() !== board;
  video = facts().key;
  board = strokes();
  if (isOther) wipe();
  if (isOther && facts().drawn === "yes" && !sending) bring();
  const isIdle = !sending && last === null && Date.now() > awaited;
  if (facts().drawn === "no" && isIdle) wipe(); // another mask took its place
};
watch("value", follow);
follow();
