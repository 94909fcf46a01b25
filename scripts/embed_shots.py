"""Pictures of ``docs/embed.html``: ``python -m scripts.embed_shots ADDRESS FOLDER``.

Needs a server started with ``WAN_DEMO_FRAME_ANCESTORS="self http://localhost:*"``, Chromium, and
``pip install -r requirements-dev.txt``. A clip is made in the first frame; 1280 and 390 px, light
and dark.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from scripts.screenshots import ROOT, THEMES, WAIT_MS, WIDTHS, _save
from tests.e2e.hosting import another_site

HEIGHTS = {1280: 2200, 390: 2900}
DARK = """<style>
  body { background: #0a0a0a } main { color: #fafafa !important }
  main > p { color: #a1a1aa !important }
</style>"""


def main(address: str, folder: Path) -> None:
    """Take all pictures of the server at ``address``."""
    expect.set_options(timeout=WAIT_MS)
    html = (ROOT / "docs" / "embed.html").read_text().replace("http://127.0.0.1:7860", address)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        for theme in THEMES:
            page = html.replace("__theme=light", f"__theme={theme}")
            page = page.replace("</head>", f"{DARK if theme == 'dark' else ''}</head>")
            with another_site(Path(place), page) as site:
                for width in WIDTHS:
                    _take(browser, f"{site}?__theme={theme}", width, folder, theme)
        browser.close()


def _take(browser: Browser, site: str, width: int, folder: Path, theme: str) -> None:
    size = {"width": width, "height": HEIGHTS[width]}  # frames out of sight are not drawn
    page = browser.new_page(viewport=size)
    page.goto(site)
    frame = page.frame_locator("#plain")
    frame.get_by_role("button", name="Generate", exact=True).click()
    expect(frame.locator(".stage[data-state='done'] video")).to_be_visible()
    expect(page.locator("gradio-app #plan")).to_contain_text("Will run")
    page.wait_for_timeout(1500)
    _save(page, folder / f"{width}-{theme}-embed.webp")
    page.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
