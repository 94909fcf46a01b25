"""The page without a mouse: everything is reached, seen where it is, and done by keys alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e import person
from tests.e2e.test_edit import wait_for_picture

pytestmark = pytest.mark.parametrize("server", ["fake"], indirect=True)

MOST_STOPS = 120

RING = """() => {
  const at = document.activeElement;
  if (at === document.body) return 'nothing';
  if (at.tagName === 'VIDEO') return '';
  const elsewhere = {split: at.nextElementSibling, strokes: at.closest('.board')};
  const name = [...at.classList].find((each) => each in elsewhere);
  const inside = at.closest('.timeline') && at.type === 'range' ? '::-webkit-slider-thumb' : null;
  const { outlineStyle, outlineWidth } = getComputedStyle(elsewhere[name] ?? at, inside);
  const isSeen = outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2;
  return isSeen ? '' : at.outerHTML.slice(0, 200);
}"""
"""What has the focus and does not show it. A player's own buttons are the browser's."""


def stop_at(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press a key until something has the focus; every stop before it shows where it is."""
    for _ in range(MOST_STOPS):
        if wanted.evaluate("it => it === document.activeElement"):
            return
        page.keyboard.press(key)
        assert page.evaluate(RING) == ""
    raise AssertionError(f"{wanted} was not reached")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def test_a_clip_is_made_stopped_deleted_and_had_back(page: Page, server: str):
    person.open_app(page, server)
    prompt = page.get_by_label("Prompt", exact=True)
    stop_at(page, prompt)
    page.keyboard.press("Control+a")
    page.keyboard.type("a red circle")
    stop_at(page, button(page, "Generate"))
    page.keyboard.press("Enter")
    expect(button(page, "Stop")).to_be_enabled()
    stop_at(page, button(page, "Stop"))
    page.keyboard.press("Space")
    person.stage(page, "stopped")
    page.keyboard.press("Control+Enter")
    person.finished_video(page)
    stop_at(page, page.get_by_role("tab", name="Library"), "Shift+Tab")
    page.keyboard.press("Enter")
    card = page.locator("#library .card .open")
    expect(card).to_have_count(1)
    stop_at(page, card)
    expect(page.get_by_role("listbox")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(button(page, "‹ All clips")).to_be_focused()
    page.keyboard.press("Escape")
    expect(card).to_be_focused()
    page.keyboard.press("Enter")
    stop_at(page, page.locator("#clip [data-action=delete]"))
    page.keyboard.press("Enter")
    expect(page.locator("#library .none")).to_be_visible()
    stop_at(page, button(page, "Undo"))
    page.keyboard.press("Enter")
    expect(card).to_have_count(1)


def test_a_video_is_cut_masked_edited_and_compared(page: Page, server: str, gray: Path):
    person.open_app(page, server)
    stop_at(page, page.get_by_label("Prompt", exact=True))
    page.keyboard.press("Control+a")
    page.keyboard.type("a green square")
    stop_at(page, page.get_by_role("tab", name="Style edit"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(person.plan(page)).to_contain_text("Add the video to restyle")  # the form has followed
    stop_at(page, page.locator("#video button").first)
    # Headless Chromium does not always open a dialog of the system by a key.
    page.locator("#video input[type=file]").set_input_files(gray)
    wait_for_picture(page, "#timeline .film")
    for name, key in (("Start", "ArrowRight"), ("End", "ArrowLeft")):
        stop_at(page, page.get_by_role("slider", name=name, exact=True))
        page.keyboard.press(key)
    expect(person.plan(page)).to_contain_text("from 0.125 s on")
    fold = page.get_by_role("button", name="Edit only a part")
    stop_at(page, fold)
    expect(fold).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(fold).to_have_attribute("aria-expanded", "true")
    _mask(page)
    page.keyboard.press("Control+Enter")
    person.finished_video(page)
    stop_at(page, page.get_by_role("slider", name="Before and after"))
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#stage")).to_have_attribute("style", re.compile("--split: 49%"))


def _mask(page: Page) -> None:
    """It is painted, cleared, and painted again with the brush held down."""
    board, mask = page.get_by_label("Draw the mask here"), page.locator("#mask")
    wait_for_picture(page, "#board .frame")
    stop_at(page, board)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("+")
    expect(page.locator(".paint .place")).to_have_text("60% across, 50% down")
    page.keyboard.press("Space")
    expect(mask).to_contain_text("drawn-mask")
    expect(person.plan(page)).to_contain_text("masked")
    page.keyboard.press("Delete")
    expect(mask).not_to_contain_text("drawn-mask")
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    expect(mask).to_contain_text("drawn-mask")
    expect(person.plan(page)).to_contain_text("masked")
    assert [_drawn(board, across) for across in (0.3, 0.6, 0.85)] == [True, True, False]


def _drawn(board: Locator, across: float) -> bool:
    """Whether there is something half-way down."""
    alpha: int = board.evaluate(
        """(canvas, across) => canvas.getContext('2d').getImageData(
          across * canvas.width, canvas.height / 2, 1, 1).data[3]""",
        across,
    )
    return alpha > 127


def test_every_stop_of_the_page_shows_itself_and_none_holds_on(page: Page, server: str):
    person.open_app(page, server)
    page.keyboard.press("Tab")
    assert page.evaluate(RING) == ""
    stop_at(page, page.locator(".show-api"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement === document.body"), "the end of the page"


def test_nothing_moves_for_people_who_ask_for_that(browser: Browser, server: str):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    person.open_app(page, server)
    person.type_prompt(page, "a red circle")
    person.generate(page)
    person.stage(page, "running")
    assert page.evaluate(MOVING) == []
    video = person.finished_video(page)
    assert page.evaluate(MOVING) == []
    assert video.evaluate("it => it.paused && it.currentTime === 0")
    page.get_by_role("tab", name="Library").click()
    card = page.locator("#library .card")
    card.hover()
    card.locator(".open").focus()
    expect(card.locator("video")).to_have_js_property("paused", True)
    expect(card).not_to_have_class(re.compile("playing"))
    assert page.evaluate(MOVING) == []
    context.close()


MOVING = """() => [
  ...document.getAnimations().map((each) => each.effect?.target?.outerHTML.slice(0, 120)),
  ...[...document.querySelectorAll('body *')].filter((each) => {
    const { transitionDuration, animationName } = getComputedStyle(each);
    return /[1-9]/.test(transitionDuration) && animationName !== 'none';
  }).map((each) => each.outerHTML.slice(0, 120)),
]"""
"""What moves, or would."""
