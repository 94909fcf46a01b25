() => {
  // What a Gradio event can't do: keys, the tab's title, a notice when a long job is done, and
  // what is in sight.
  const LONG_JOB_SECONDS = 20;
  let lastState = "";
  let lastJob = "";

  const press = (id) => {
    const button = document.getElementById(id);
    if (button && !button.disabled) button.click();
  };

  // What would run, or is running, is not in sight there.
  const isInLibrary = () =>
    document.querySelector("#tasks [data-tab-id=library][aria-selected=true]");

  // Escape also closes lists, leaves full screen and clears fields: then it stops nothing.
  const isBusyElsewhere = (event) =>
    event.defaultPrevented ||
    document.fullscreenElement ||
    isInLibrary() ||
    document.querySelector("[role=listbox], dialog[open]") ||
    event.target.closest("#model, input, dialog");

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (!isInLibrary()) press("generate");
    } else if (event.key === "Escape" && !isBusyElsewhere(event)) {
      press("stop");
    }
  });

  const askOnce = () => {
    const plan = document.querySelector("#plan [data-seconds]");
    const isLong = plan && Number(plan.dataset.seconds) >= LONG_JOB_SECONDS;
    if (!isLong || !("Notification" in window) || Notification.permission !== "default") return;
    try {
      if (localStorage.getItem("wan_demo.asked")) return;
      localStorage.setItem("wan_demo.asked", "yes");
    } catch {
      return; // storage is blocked, as in another site's frame: never nag
    }
    Notification.requestPermission();
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("#generate")) askOnce();
  });

  // Whether the line above Generate is in sight: page.css shows a refusal at the edge if not.
  const watchPlan = () => {
    const plan = document.getElementById("plan");
    if (!plan) return setTimeout(watchPlan, 100);
    const look = ([plan]) => document.body.classList.toggle("plan-away", !plan.isIntersecting);
    new IntersectionObserver(look).observe(plan);
  };
  watchPlan();

  // The page's address leads back to the job on the stage: after a reload, in another tab, and in
  // another site's frame, where nothing else can be kept.
  const keepAddress = (job) => {
    if (window.wanDemo?.isAway()) return; // that address is another site's
    const address = new URL(location.href);
    if (!job || address.searchParams.get("job") === job) return;
    address.searchParams.set("job", job);
    history.replaceState(history.state, "", address);
  };

  const tell = (stage) => {
    const { state, job, title } = stage.dataset;
    keepAddress(job);
    if (title && !window.wanDemo?.isAway()) document.title = title;
    const wasUnderWay = job === lastJob && ["waiting", "running"].includes(lastState);
    const ended = wasUnderWay && ["done", "failed"].includes(state);
    const mayTell = "Notification" in window && Notification.permission === "granted";
    if (ended && document.hidden && mayTell) {
      new Notification(title, { body: stage.querySelector(".said")?.textContent ?? "" });
    }
    [lastState, lastJob] = [state, job];
  };

  // Any of one's clips may come or go while the Library is open, not only the one on the stage.
  let lastClips = null;
  const watchClips = () => {
    const strip = document.getElementById("strip");
    if (!strip) return setTimeout(watchClips, 100);
    const look = () => {
      const made = [...strip.querySelectorAll("button:has(video)")];
      const clips = made.map(({ dataset, ariaLabel }) => dataset.job + ariaLabel).join();
      if (clips === lastClips) return;
      lastClips = clips;
      document.querySelector("#library [data-action=look]")?.click();
    };
    new MutationObserver(look).observe(strip, { subtree: true, childList: true, attributes: true });
    look();
  };
  watchClips();

  const watch = () => {
    const holder = document.getElementById("stage");
    if (!holder) return setTimeout(watch, 100);
    const look = () => {
      const stage = holder.querySelector(".stage");
      if (stage) tell(stage);
    };
    new MutationObserver(look).observe(holder, { subtree: true, childList: true, attributes: true });
    look();
  };
  watch();
}
