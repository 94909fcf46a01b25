() => {
  // What Gradio's own parts leave out for people who use the keyboard, hear the page, or asked for
  // less motion.
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // What the page is written in, where Gradio takes it for the browser's own language.
  const speak = () => {
    const tag = window.wanDemo?.tags[navigator.language] ?? "en";
    if (document.documentElement.lang !== tag) document.documentElement.lang = tag;
  };
  if (!window.wanDemo?.isAway()) {
    new MutationObserver(speak).observe(document.documentElement, { attributeFilter: ["lang"] });
    speak();
  }

  // A slider's parts are called in the page's language, and each reset by what it resets.
  const PARTS = {
    "input[type=number]": "number input for {}",
    "input[type=range]": "range slider for {}",
    "[data-testid=reset-button]": "Reset {}",
  };
  const name = (slider) => {
    const label = slider.querySelector("[data-testid=block-info]")?.textContent.trim();
    const said = window.wanDemo?.parts[window.wanDemo.tags[navigator.language]];
    for (const [part, text] of Object.entries(PARTS)) {
      const called = (said?.[text] ?? text).replace("{}", label ?? "");
      slider.querySelector(part)?.setAttribute("aria-label", called.trim());
    }
  };
  const names = () => {
    for (const reset of document.querySelectorAll("[aria-label='Reset to default value']")) {
      const slider = reset.closest(".block");
      if (slider) name(slider);
    }
  };

  // A fold says whether it is open.
  const folds = () => {
    for (const fold of document.querySelectorAll(".label-wrap")) {
      const isOpen = String(fold.classList.contains("open"));
      if (fold.getAttribute("aria-expanded") !== isOpen) fold.setAttribute("aria-expanded", isOpen);
    }
  };
  const watch = () => {
    const page = document.querySelector(".gradio-container");
    if (!page) return setTimeout(watch, 100);
    const look = () => (folds(), names());
    new MutationObserver(look).observe(page, { subtree: true, childList: true, attributeFilter: ["class"] });
    look();
  };
  watch();

  // Tab leaves a drop-down, whose list closes then. Gradio's own answer to the key would come after
  // that, and open it again. A long list would be a stop of its own, and take the focus with it.
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Tab" || !event.target.matches("[role=combobox]")) return;
      event.stopPropagation();
      for (const list of document.querySelectorAll("[role=listbox]")) list.tabIndex = -1;
    },
    true,
  );

  // A clip that is there plays when it is asked to.
  document.addEventListener(
    "loadstart",
    ({ target }) => {
      if (still.matches && target.matches("video[autoplay]")) target.autoplay = false;
    },
    true,
  );
}
