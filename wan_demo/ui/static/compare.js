() => {
  // Before and after on the stage: one leads, the other follows; and a divider between them.
  const DRIFT_SECONDS = 0.06;
  const stage = () => document.getElementById("stage");

  const follow = (after, before) => {
    if (before.readyState < 2 || before.seeking) return;
    if (Math.abs(before.currentTime - after.currentTime) > DRIFT_SECONDS) {
      before.currentTime = Math.min(after.currentTime, before.duration);
    }
    if (after.paused && !before.paused) before.pause();
    if (!after.paused && before.paused && !before.ended) before.play().catch(() => {});
  };

  const tick = () => {
    const pair = document.querySelectorAll("#stage .compare video");
    if (pair.length === 2) {
      const isAlone = stage().classList.contains("only-result");
      pair[0].controls = isAlone;
      if (!isAlone) follow(...pair);
      for (const button of stage().querySelectorAll("[data-view]")) {
        button.setAttribute("aria-pressed", String(isAlone));
      }
      requestAnimationFrame(tick);
    } else {
      setTimeout(tick, 300);
    }
  };
  tick();

  document.addEventListener("input", ({ target }) => {
    if (target.matches?.("#stage .split")) stage().style.setProperty("--split", `${target.value}%`);
  });
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("#stage [data-view]")) stage().classList.toggle("only-result");
  });
}
