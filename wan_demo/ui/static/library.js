() => {
  // What the Library's HTML can't do alone: clips that play under the pointer, keys, dates in the
  // browser's own words, several chosen at once, and files that are dropped anywhere.
  const NOTE_SECONDS = 20;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const chosen = new Set();
  let current = "";
  let left = null;
  let deletedAt = null;
  let timer = 0;

  const find = (selector) => document.querySelector(selector);
  const cards = () => [...document.querySelectorAll("#library .card")];
  const isHere = () => find("#tasks [data-tab-id=library][aria-selected=true]");
  const isTyping = (target) => target.closest("input:not([type=checkbox]), textarea, [role=listbox]");

  const play = (card) => {
    const video = card.querySelector("video");
    if (!video || still.matches) return;
    if (!video.getAttribute("src")) video.src = video.dataset.src;
    card.classList.add("playing");
    video.play().catch(() => {});
  };
  const rest = (card) => {
    card.querySelector("video")?.pause();
    card.classList.remove("playing");
  };
  const follow = (enter, leave) => {
    const other = (event, card) => event.relatedTarget?.closest?.(".card") === card;
    document.addEventListener(enter, (event) => {
      const card = event.target.closest?.("#library .card");
      if (card && !other(event, card)) play(card);
    });
    document.addEventListener(leave, (event) => {
      const card = event.target.closest?.("#library .card");
      if (card && !other(event, card)) rest(card);
    });
  };
  follow("mouseover", "mouseout");
  follow("focusin", "focusout");

  // One card is in the tab order; the arrow keys move between them.
  const mark = () => {
    const all = cards();
    const at = all.find((card) => card.dataset.job === current) ?? all[0];
    for (const card of all) {
      for (const one of card.querySelectorAll("button, input")) one.tabIndex = card === at ? 0 : -1;
    }
  };
  document.addEventListener("focusin", (event) => {
    const card = event.target.closest?.("#library .card");
    if (!card || card.dataset.job === current) return;
    current = card.dataset.job;
    mark();
  });
  const step = (card, key) => {
    const all = cards();
    const at = all.indexOf(card);
    const across = all.filter((one) => one.offsetTop === all[0].offsetTop).length;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across };
    const ends = { Home: all[0], End: all.at(-1) };
    (ends[key] ?? all[at + by[key]])?.querySelector(".open").focus();
  };

  document.addEventListener("pointerdown", () => { deletedAt = null; });
  const remove = (card) => {
    const several = find("#library .several:not([hidden])");
    deletedAt = cards().indexOf(card);
    (several ?? card.querySelector("[data-action=delete]")).click();
  };
  document.addEventListener("keydown", (event) => {
    if (!isHere() || isTyping(event.target) || document.fullscreenElement) return;
    const { key, target } = event;
    const card = target.closest("#library .card");
    const opened = find("#clip .opened");
    if (key === "Escape" && opened) {
      opened.querySelector("[data-action=close]").click();
    } else if (key === "Delete" && (card || opened)) {
      card ? remove(card) : opened.querySelector("[data-action=delete]").click();
    } else if (key === "z" && (event.ctrlKey || event.metaKey)) {
      find("#notice [data-action=undo]")?.click();
    } else if (card && /^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(key)) {
      step(card, key);
    } else {
      return;
    }
    event.preventDefault();
  });

  const count = () => {
    const several = find("#library .several");
    if (!several) return;
    several.hidden = !chosen.size;
    several.dataset.jobs = [...chosen].join(",");
    const text = several.dataset.words.replace("{}", chosen.size);
    if (several.textContent !== text) several.textContent = text;
  };
  document.addEventListener("change", (event) => {
    const { checked, dataset } = event.target;
    if (!event.target.closest?.("#library .pick")) return;
    checked ? chosen.add(dataset.job) : chosen.delete(dataset.job);
    count();
  });

  const write = (time, style) => {
    const text = new Date(time.dateTime).toLocaleString(undefined, style);
    if (time.textContent !== text) time.textContent = text;
  };
  const look = () => {
    const all = cards();
    const there = new Set(all.map((card) => card.dataset.job));
    for (const job of [...chosen]) if (!there.has(job)) chosen.delete(job);
    for (const box of document.querySelectorAll("#library .pick input")) {
      box.checked = chosen.has(box.dataset.job); // a box may be another clip's now
    }
    for (const card of document.querySelectorAll("#library .card.playing")) {
      if (!card.matches(":hover, :focus-within")) rest(card);
    }
    for (const time of document.querySelectorAll("#library time")) write(time, { dateStyle: "medium" });
    for (const time of document.querySelectorAll("#clip time")) {
      write(time, { dateStyle: "medium", timeStyle: "short" });
    }
    count();
    mark();
    if (deletedAt !== null && all.length && document.activeElement === document.body) {
      all[Math.min(deletedAt, all.length - 1)].querySelector(".open").focus();
      deletedAt = null;
    }
  };

  // Opened and shut: the eye and the keyboard come back to where they were.
  const turn = () => {
    const opened = find("#clip .opened");
    if (opened && left === null) {
      left = window.scrollY;
      find("#tasks").scrollIntoView({ block: "start" });
      opened.querySelector("[data-action=close]").focus({ preventScroll: true });
    } else if (!opened && left !== null) {
      if (isHere()) {
        window.scrollTo(0, left);
        const card = cards().find((one) => one.dataset.job === current) ?? cards()[0];
        card?.querySelector(".open").focus({ preventScroll: true });
      }
      left = null;
    }
  };

  const note = () => {
    const shown = find("#notice .note");
    clearTimeout(timer);
    if (!shown || (shown.matches(".bad") && !shown.dataset.seconds)) return;
    const seconds = Number(shown.dataset.seconds || NOTE_SECONDS);
    timer = setTimeout(() => find("#notice [data-action=dismiss]")?.click(), 1000 * seconds);
  };

  // The tabs' content comes and goes with the tabs, so all of the form's column is watched.
  const watch = () => {
    const column = find("#ask");
    if (!column) return setTimeout(watch, 100);
    const all = () => [look(), turn()];
    new MutationObserver(all).observe(column, { subtree: true, childList: true, attributeFilter: ["data-job"] });
    new MutationObserver(note).observe(find("#notice"), { subtree: true, childList: true, characterData: true });
    all();
  };
  watch();

  const input = () => find("#ask > input[type=file]");
  const told = () => find("#clip-file")?.textContent.trim() ?? "";
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-file]")) input()?.click();
  });
  const isFile = (event) => event.dataTransfer?.types.includes("Files");
  const field = (event) => event.target.closest?.("#image, #last_image, #continued, #video");
  const dropping = (isSo) => {
    if (isSo) document.body.dataset.drop = told();
    document.body.classList.toggle("dropping", isSo);
  };
  document.addEventListener("dragover", (event) => {
    if (!isFile(event)) return;
    dropping(!field(event));
    if (!field(event)) event.preventDefault();
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) dropping(false);
  });
  document.addEventListener("drop", (event) => {
    dropping(false);
    if (!isFile(event) || field(event)) return;
    event.preventDefault();
    const list = new DataTransfer();
    list.items.add(event.dataTransfer.files[0]);
    input().files = list.files;
    input().dispatchEvent(new Event("change", { bubbles: true }));
  });
}
