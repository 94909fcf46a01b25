// The handles' values are the server's (data-start, data-end) except while they are moved.
// Events: 'cut', with start and end in seconds.
const find = (name) => element.querySelector(name);
const PAUSE_MS = 250;
const facts = () => find(".timeline")?.dataset;
const PATIENCE_MS = 5000;
let moved = null;
let seen = ""; // the video whose still was shown
let sent = null; // where the handles were put, until the server's answer has them there

// Where the browser can't play the video, stills.js shows a still picture of this moment.
const showStill = (seconds) => {
  find(".stills").dataset.at = seconds.toFixed(3);
  document.dispatchEvent(new Event("still"));
};

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// As the server reckons: the largest 4k+1 that the time has, and never fewer than the model makes.
const thereAre = ({ fps, speed }, start, end) => Math.floor(((end - start) / speed) * fps + 0.5);
const framesOf = (facts, start, end) =>
  Math.max(facts.least, Math.floor((thereAre(facts, start, end) - 1) / 4) * 4 + 1);

const show = (start, end) => {
  const { fps, speed } = facts();
  const seconds = Number(facts().seconds);
  const frames = framesOf(facts(), start, end);
  const style = find(".timeline").style;
  const used = Math.min(start + (frames * speed) / fps, seconds);
  style.setProperty("--start", start / seconds);
  style.setProperty("--end", end / seconds);
  style.setProperty("--used", used / seconds);
  for (const [name, value] of [["start", start], ["end", end]]) {
    const handle = find(`.${name}`);
    handle.value = value;
    handle.setAttribute("aria-valuetext", `${value.toFixed(2)} s`);
  }
};

const tell = (start, end) => {
  const { fps, least } = facts();
  const frames = framesOf(facts(), start, end);
  const isEnough = thereAre(facts(), start, end) >= least;
  const numbers = [(frames / fps).toFixed(1), frames, fps];
  const line = find(".told");
  line.textContent = isEnough ? line.dataset.words.replace(/\{\}/g, () => numbers.shift()) : "";
};

const look = (seconds) => {
  const video = document.querySelector("#video video");
  if (!video?.videoWidth) return;
  video.pause();
  video.currentTime = seconds;
};

const move = (handle, value) => {
  const { fps, speed, least } = facts();
  const seconds = Number(facts().seconds);
  const shortest = Math.min((least * speed) / fps, seconds);
  let [start, end] = [Number(find(".start").value), Number(find(".end").value)];
  if (handle.className === "start") start = clamp(value, 0, Math.max(0, end - shortest));
  else end = clamp(value, Math.min(seconds, start + shortest), seconds);
  show(start, end);
  tell(start, end);
  const moment = handle.className === "start" ? start : Math.max(start, end - 0.05);
  look(moment);
  clearTimeout(moved);
  moved = setTimeout(() => {
    moved = null;
    showStill(moment);
    sent = { start, end, until: Date.now() + PATIENCE_MS };
    trigger("cut", { start, end });
  }, PAUSE_MS);
};

// A key moves by one frame of the clip, or ten.
const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };

element.addEventListener("keydown", (event) => {
  const handle = event.target.closest(".track input");
  if (!handle || !(event.key in KEYS)) return;
  event.preventDefault();
  const { fps, speed } = facts();
  move(handle, Number(handle.value) + (KEYS[event.key] * speed) / fps);
});

element.addEventListener("input", ({ target }) => move(target, Number(target.value)));

const follow = () => {
  if (!facts()) return;
  const [start, end] = [Number(facts().start), Number(facts().end)];
  const isThere = sent && Math.abs(sent.start - start) + Math.abs(sent.end - end) < 0.1;
  if (isThere || Date.now() > sent?.until) sent = null;
  if (moved === null && sent === null) show(start, end);
  else show(Number(find(".start").value), Number(find(".end").value)); // as they were drawn
  if (facts().key !== seen) showStill(start);
  seen = facts().key;
};
watch("value", follow);
follow();
