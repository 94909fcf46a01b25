"""The app in other sites' pages, whose frames have no storage: what docs/embed.html shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect

from tests.e2e import hosting, person
from tests.e2e.conftest import OpenPage, running_server

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / "docs" / "embed.html").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("embed")
    with running_server(folder, "--engine", "fake", environment=hosting.LOCAL_SITES) as address:
        yield address


@pytest.fixture
def host(server: str, tmp_path: Path, page: Page) -> Iterator[Page]:
    """The example, open."""
    with hosting.another_site(tmp_path, EXAMPLE.replace("http://127.0.0.1:7860", server)) as site:
        page.goto(site)
        yield page


_UNSEEN = """(part) => {
  if (!part.checkVisibility()) return true;
  for (let each = part; each; each = each.parentElement) {
    if (getComputedStyle(each).clipPath === "inset(50%)") return true;
  }
  return false;
}"""
"""JavaScript: whether nobody sees it, though a screen reader may tell of it."""


def _is_unseen(part: Locator) -> None:
    assert part.evaluate(_UNSEEN)


def _makes_a_clip(frame: FrameLocator | Page, prompt: str) -> None:
    frame.get_by_label("Prompt", exact=True).fill(prompt)
    frame.get_by_role("button", name="Generate", exact=True).click()
    video = frame.locator(".stage[data-state='done'] video")
    expect(video).to_be_visible(timeout=person.FINISH_MS)
    expect(frame.locator(".stage .said")).to_have_text(prompt)
    expect(video).to_have_js_property("readyState", 4)


def test_a_plain_frame_shows_one_tab_filled_in_and_makes_a_clip(host: Page):
    frame = host.frame_locator("#plain")
    expect(frame.get_by_role("button", name="Generate", exact=True)).to_be_enabled()
    prompt = "a yellow star spinning on a navy background"
    expect(frame.get_by_label("Prompt", exact=True)).to_have_value(prompt)
    for gone in ("#brand", "#model", "footer", "#settings", "#queue", "#tasks [role=tablist]"):
        _is_unseen(frame.locator(gone).first)
    frame.get_by_role("button", name="Settings").click()
    expect(frame.locator("#settings")).to_be_visible()
    _makes_a_clip(frame, "a green star")
    expect(frame.get_by_role("button", name="Edit this")).to_be_hidden()


def test_a_frame_grows_and_shrinks_with_what_is_in_it(host: Page):
    frame, tall = host.frame_locator("#tall"), host.locator("#tall")
    expect(frame.locator("body")).to_have_class("dark")
    expect(frame.locator("#image")).to_be_visible()
    expect(frame.get_by_role("button", name="Generate", exact=True)).to_be_enabled()  # it is ready
    expect(tall).to_have_attribute("style", "height: 758px;")
    frame.get_by_role("button", name="Settings").click()
    expect(tall).not_to_have_attribute("style", "height: 758px;")
    inside = frame.locator("html").evaluate("page => page.scrollHeight - page.clientHeight")
    assert inside == 0
    frame.get_by_role("button", name="Settings").click()
    expect(tall).to_have_attribute("style", "height: 758px;")


def test_the_tag_makes_a_clip_in_the_hosts_own_document(host: Page, server: str):
    address, title = host.url, host.title()
    host.locator("gradio-app").scroll_into_view_if_needed()
    _makes_a_clip(host, "a blue square")
    source = host.locator(".stage video").first.evaluate("video => video.currentSrc")
    assert source.startswith(f"{server}/files/")
    assert (host.url, host.title()) == (address, title)
    _is_unseen(host.locator("#brand"))


def test_a_site_that_was_not_named_holds_nothing(server: str, open_page: OpenPage, tmp_path: Path):
    page = open_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    with hosting.another_site(tmp_path, hosting.framing(f"{server}/")) as site:
        page.goto(site.replace("localhost", "127.0.0.1"))  # another port: another origin
        page.wait_for_timeout(2000)
        assert page.frame_locator("iframe").locator("#generate").count() == 0
    assert any("frame-ancestors" in text for text in refused)


def test_an_address_fills_the_form_and_a_reload_keeps_what_was_typed_since(server: str, page: Page):
    person.open_app(page, server, "?prompt=a+red+square&seed=7&num_frames=9&tab=text_to_video")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a red square")
    expect(person.plan(page)).to_contain_text("9 frames")
    expect(page.get_by_label("Keep seed")).to_be_checked()
    person.type_prompt(page, "a green triangle")
    person.reload(page, prompt="a green triangle")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a green triangle")
    person.open_app(page, server, "?prompt=a+white+circle")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a white circle")


def test_what_an_address_asks_for_in_vain_is_said(server: str, page: Page):
    person.open_app(page, server, "?model=nonsense&width=wide&num_frames=18&tab=image_to_video")
    expect(page.locator("#notice")).to_contain_text("There is no model 'nonsense'")
    expect(page.locator("#notice")).to_contain_text("width can't be 'wide'")
    tab = page.get_by_role("tab", name="Image to video")
    expect(tab).to_have_attribute("aria-selected", "true")
