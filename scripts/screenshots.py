"""Pictures of the page in every state, for ``docs/``: ``python -m scripts.screenshots ADDRESS``.

Needs a running server, Chromium, and ``pip install -r requirements-dev.txt``. States: empty,
running, done, refused, stopped; at 1280 and 390 px, light and dark.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
WIDTHS, THEMES = (1280, 390), ("light", "dark")
PROMPT = "a yellow star spinning on a navy background"
WAIT_MS = 240_000


def main(address: str) -> None:
    """Take all pictures of the server at ``address``."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for width in WIDTHS:
            for theme in THEMES:
                _take_all(browser, address, width, theme)
        browser.close()


def _take_all(browser: Browser, address: str, width: int, theme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{address}/?__theme={theme}")
    expect(page.locator("#plan .plan")).to_contain_text("Will run")
    for state, reach in STATES.items():
        reach(page)
        page.wait_for_timeout(800)  # fonts, transitions
        _save(page, FOLDER / f"{width}-{theme}-{state}.webp")
        print(width, theme, state)
    page.close()


def _save(page: Page, path: Path) -> None:
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    picture.convert("RGB").save(path, "webp", quality=80, method=6)


def _stay(page: Page) -> None:
    """The page as it opens."""


def _refuse(page: Page) -> None:
    _type_frames(page, "18")
    expect(page.locator("#plan")).to_contain_text("4k+1")


def _run(page: Page) -> None:
    _type_frames(page, "17")
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    expect(page.locator("#plan")).to_contain_text("17 frames")
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.locator(".stage .line")).to_contain_text("Step", timeout=WAIT_MS)
    expect(page.locator(".stage img.preview")).to_be_visible(timeout=WAIT_MS)


def _finish(page: Page) -> None:
    expect(page.locator(".stage[data-state='done'] video")).to_be_visible(timeout=WAIT_MS)
    page.wait_for_function("() => document.querySelector('.stage video').readyState >= 2")


def _stop(page: Page) -> None:
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.locator(".stage[data-state='running']")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".stage[data-state='stopped']")).to_be_visible(timeout=WAIT_MS)


def _type_frames(page: Page, value: str) -> None:
    field = page.get_by_label("number input for Frames")
    field.fill(value)
    field.press("Tab")


STATES: dict[str, Callable[[Page], None]] = {
    "empty": _stay,
    "refused": _refuse,
    "running": _run,
    "done": _finish,
    "stopped": _stop,
}

if __name__ == "__main__":
    main(sys.argv[1])
