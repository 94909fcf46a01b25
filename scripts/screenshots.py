"""Pictures of the page in every state, for ``docs/``: ``python -m scripts.screenshots ADDRESS``.

Needs a running server, Chromium, and ``pip install -r requirements-dev.txt``. States: empty,
running, done, refused, stopped, waiting, a video before and after its edit, and the Library with a
clip opened in it; at 1280 and 390 px, light and dark.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "screenshots"
CLIP = ROOT / "assets" / "examples" / "red-circle.mp4"
WIDTHS, THEMES = (1280, 390), ("light", "dark")
PROMPT = "a yellow star spinning on a navy background"
PROMPTS = (
    "a cyan triangle rises on a gray background",
    "a red circle moving right on a black background",
    "a purple square growing on a sand background",
    "a green star spinning on a black background",
    PROMPT,
)
WAIT_MS = 240_000


def main(address: str) -> None:
    """Take all pictures of the server at ``address``."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        maker = browser.new_context()
        _make(_open(maker, address, WIDTHS[0], THEMES[0]))
        for width in WIDTHS:
            for theme in THEMES:
                for states in (EDITING, MAKING):
                    newcomer = browser.new_context()
                    _take_all(_open(newcomer, address, width, theme), states, f"{width}-{theme}")
                    newcomer.close()
                _take_all(_open(maker, address, width, theme), KEEPING, f"{width}-{theme}")
        browser.close()


def _open(person: BrowserContext, address: str, width: int, theme: str) -> Page:
    page = person.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{address}/?__theme={theme}")
    expect(page.locator("#plan .plan")).to_contain_text("Will run")
    return page


def _take_all(page: Page, states: dict[str, Callable[[Page], None]], prefix: str) -> None:
    for state, reach in states.items():
        reach(page)
        page.wait_for_timeout(800)  # fonts, transitions
        _save(page, FOLDER / f"{prefix}-{state}.webp")
        print(prefix, state, flush=True)
    page.close()


def _make(page: Page) -> None:
    """A few clips for the Library."""
    for prompt in PROMPTS:
        _generate(page, prompt)
    expect(page.locator("#strip video")).to_have_count(len(PROMPTS))
    page.close()


def _generate(page: Page, prompt: str) -> None:
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.locator(".stage .said")).to_have_text(prompt)


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
    expect(page.locator(".stage .line")).to_contain_text("Step")
    expect(page.locator(".stage img.preview")).to_be_visible(timeout=WAIT_MS)


def _finish(page: Page) -> None:
    expect(page.locator(".stage[data-state='done'] video")).to_be_visible(timeout=WAIT_MS)
    page.wait_for_function("() => document.querySelector('.stage video').readyState >= 2")


def _bring(page: Page) -> None:
    page.get_by_role("tab", name="Style edit").click()
    page.locator("#video input[type=file]").set_input_files(CLIP)
    expect(page.locator(".timeline")).to_be_visible()
    page.get_by_label("Keep structure").check()
    page.get_by_label("Prompt", exact=True).fill("a cyan circle moving right on a black background")
    expect(page.locator("#plan")).to_contain_text("keep structure")


def _edit(page: Page) -> None:
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.locator(".stage[data-state='done'] .compare")).to_be_visible(timeout=WAIT_MS)
    page.wait_for_function("() => document.querySelector('.stage video').readyState >= 2")


def _stop(page: Page) -> None:
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.locator(".stage[data-state='running']")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".stage[data-state='stopped']")).to_be_visible(timeout=WAIT_MS)


def _wait(page: Page) -> None:
    for prompt in PROMPTS[:4]:
        _generate(page, prompt)
    expect(page.locator(".stage[data-state='waiting']")).to_be_visible()
    expect(page.locator("#waiting li").nth(1)).to_be_visible()


def _go(page: Page) -> None:
    expect(page.locator("#queue")).to_have_text("Queue empty")  # else it is in the next pictures
    page.get_by_role("tab", name="Library").click()
    expect(page.locator("#library .card")).to_have_count(len(PROMPTS))
    for picture in page.locator("#library .card img").all():
        expect(picture).to_have_js_property("complete", True)


def _look(page: Page) -> None:
    page.locator("#library .card .open").first.click()
    expect(page.locator("#clip .opened")).to_be_visible(timeout=WAIT_MS)
    page.wait_for_function("() => document.querySelector('#clip video').readyState >= 2")


def _type_frames(page: Page, value: str) -> None:
    field = page.get_by_label("number input for Frames")
    field.fill(value)
    field.press("Tab")


MAKING: dict[str, Callable[[Page], None]] = {
    "empty": _stay,
    "refused": _refuse,
    "running": _run,
    "done": _finish,
    "stopped": _stop,
    "waiting": _wait,
}
EDITING: dict[str, Callable[[Page], None]] = {"edit": _bring, "edited": _edit}
KEEPING: dict[str, Callable[[Page], None]] = {"library": _go, "opened": _look}

if __name__ == "__main__":
    main(sys.argv[1])
