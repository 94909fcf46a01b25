// The handles' values are the server's (data-start, data-end) except while they are moved.
// Events: 'cut', with start and end in seconds.
const PICTURES = 10;
const PAUSE_MS = 250;
const facts = () => find(".timeline")?.dataset;
const PATIENCE_MS = 5000;
let moved = null;
let sent = null; // where the handles were put, until the server's answer has them there
let drawn = "";

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// As the server reckons: the largest 4k+1 that the time has, and never fewer than the model makes.
const framesOf = ({ fps, speed, least }, start, end) => {
  const there = Math.floor(((end - start) / speed) * fps + 0.5);
  return Math.max(least, Math.floor((there - 1) / 4) * 4 + 1);
};

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
    handle.max = seconds;
    handle.value = value;
    handle.setAttribute("aria-valuetext", `${value.toFixed(2)} s`);
  }
};

const tell = (start, end) => {
  const { fps } = facts();
  const frames = framesOf(facts(), start, end);
  find(".told").textContent = `${(frames / fps).toFixed(1)} s, ${frames} frames at ${fps} fps`;
};

const look = (seconds) => {
  const player = document.querySelector("#video video");
  if (!player) return;
  player.pause();
  player.currentTime = seconds;
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
  look(handle.className === "start" ? start : Math.max(start, end - 0.05));
  clearTimeout(moved);
  moved = setTimeout(() => {
    moved = null;
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

// The pictures; a file that the browser can't play has none.
const draw = async () => {
  const { key } = facts();
  if (key === drawn) return;
  drawn = key;
  const film = find(".film");
  const context = film.getContext("2d");
  context.clearRect(0, 0, film.width, film.height);
  let video;
  try {
    video = await openVideo();
    const [wide, high] = [film.width / PICTURES, film.height];
    const scale = Math.max(wide / video.videoWidth, high / video.videoHeight);
    const [w, h] = [wide / scale, high / scale];
    const [x, y] = [(video.videoWidth - w) / 2, (video.videoHeight - h) / 2];
    for (let index = 0; index < PICTURES && drawn === key && film.isConnected; index += 1) {
      await seekTo(video, ((index + 0.5) / PICTURES) * video.duration);
      context.drawImage(video, x, y, w, h, index * wide, 0, wide, high);
    }
    element.dataset.shown = key;
  } catch {
    // It stays plain: the handles work all the same.
  }
  closeVideo(video);
};

const follow = () => {
  if (!facts()) {
    drawn = "";
    return;
  }
  const [start, end] = [Number(facts().start), Number(facts().end)];
  const isThere = sent && Math.abs(sent.start - start) + Math.abs(sent.end - end) < 0.1;
  if (isThere || Date.now() > sent?.until) sent = null;
  if (moved === null && sent === null) show(start, end);
  draw();
};
watch("value", follow);
follow();
