// What the timeline and the mask share: they read frames from a player of their own, of the file
// that the form's player shows. `element`, `watch`, `trigger` and `upload` are Gradio's.
const find = (name) => element.querySelector(name);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

const once = (video, name) =>
  new Promise((done, failed) => {
    video.addEventListener(name, done, { once: true });
    video.addEventListener("error", failed, { once: true });
  });

const seekTo = (video, time) => {
  const there = once(video, "seeked");
  video.currentTime = time;
  return there;
};

// Throws for a file that the browser can't play.
const openVideo = async () => {
  let address;
  for (let turn = 0; turn < 50 && !address; turn += 1) {
    address = document.querySelector("#video video")?.currentSrc;
    if (!address) await wait(100);
  }
  const video = document.createElement("video");
  Object.assign(video, { muted: true, preload: "auto", src: address });
  await once(video, "loadeddata");
  return video;
};

const closeVideo = (video) => {
  video?.removeAttribute("src");
  video?.load();
};
