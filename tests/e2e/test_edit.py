"""Style edit with the bundled model: a real upload, its cut, a drawn mask, before and after."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.e2e import person
from tests.makers import save_sound, save_video

RED, CYAN, SAND = (220, 40, 40), (40, 200, 210), (210, 190, 140)
SIDE = 96
SECONDS = 6

DRIFTS = """async () => {
  const [after, before] = document.querySelectorAll('.stage .compare video');
  const drifts = [];
  for (let turn = 0; turn < 30; turn += 1) {
    await new Promise((done) => setTimeout(done, 100));
    drifts.push(Math.abs(after.currentTime - before.currentTime));
  }
  return drifts;
}"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6 s at 8 fps: a red square that moves right over a grainy ground."""
    count = 8 * SECONDS
    grain = np.random.default_rng(0).integers(-6, 6, (SIDE, SIDE, 1))
    frames = np.repeat((np.array(SAND) + grain)[None].astype(np.uint8), count, axis=0)
    for index, frame in enumerate(frames):
        frame[36:60, 10 + index : 34 + index] = RED
    return save_video(tmp_path_factory.mktemp("clip") / "square.mp4", frames)


def upload(page: Page, file: Path, box: str = "video") -> None:
    page.locator(f"#{box} input[type=file]").set_input_files(file)


def wait_for_picture(page: Page, which: str) -> None:
    """Until there is one to see."""
    expect(page.locator(which)).to_be_visible()
    page.wait_for_function("which => document.querySelector(which)?.naturalWidth > 0", arg=which)


def bring(page: Page, server: str, clip: Path) -> None:
    """Style edit with the clip in its player, and its pictures on the timeline."""
    person.open_app(page, server)
    person.go_to(page, "Style edit")
    person.type_prompt(page, "a green square on a gray background")
    upload(page, clip)
    page.wait_for_function("() => document.querySelector('#video video')?.readyState >= 2")
    wait_for_picture(page, "#timeline .film")


def handle(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name, exact=True)


def pull(page: Page, name: str, seconds: float) -> None:
    """Drag a handle of the timeline to a moment of the clip."""
    page.mouse.move(*place(page, float(handle(page, name).input_value())))
    page.mouse.down()
    page.mouse.move(*place(page, seconds), steps=5)
    page.mouse.up()


def place(page: Page, seconds: float) -> tuple[float, float]:
    """Where a moment of the clip is on the timeline."""
    knob, track = 14, page.locator(".timeline .track")
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    assert box is not None
    share = seconds / SECONDS
    return box["x"] + knob / 2 + (box["width"] - knob) * share, box["y"] + box["height"] / 2


def told(page: Page) -> Locator:
    return page.locator(".timeline .told")


def open_mask(page: Page) -> Locator:
    """The board on which a mask is drawn, with the video's frame on it."""
    person.unfold(page, "Edit only a part")
    wait_for_picture(page, "#board .frame")
    board = page.locator(".paint .strokes")
    board.scroll_into_view_if_needed()
    return board


def fill_left_half(page: Page, board: Locator) -> None:
    """Draw over the left half of the board, line by line."""
    box = board.bounding_box()
    assert box is not None
    page.locator(".paint .brush").fill("30")
    page.mouse.move(box["x"] + 1, box["y"] + 1)
    page.mouse.down()
    for row in range(0, 11):
        y = box["y"] + 1 + row / 10 * (box["height"] - 2)
        for share in (0, 0.35) if row % 2 else (0.35, 0):
            page.mouse.move(box["x"] + 1 + share * box["width"], y, steps=3)
    page.mouse.up()


def test_a_clip_is_cut_masked_edited_and_seen_beside_its_source(
    page: Page, server: str, clip: Path
):
    bring(page, server, clip)
    expect(told(page)).to_have_text("4.1 s, 33 frames at 8 fps")
    pull(page, "End", 2.6)
    handle(page, "Start").focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expect(person.plan(page)).to_contain_text("from 0.25 s on")
    expect(told(page)).to_have_text("2.1 s, 17 frames at 8 fps")
    fill_left_half(page, open_mask(page))
    page.get_by_label("Keep structure").check()
    person.type_prompt(page, "a cyan square moving right on a sand background")
    expect(person.plan(page)).to_contain_text("17 frames, 2.1 s at 8 fps")
    expect(person.plan(page)).to_contain_text(
        "keep structure, strength 0.45, from 0.25 s on, masked"
    )
    person.generate(page)
    after = person.finished_video(page)
    before = page.get_by_label("Your video before the edit")
    expect(before).to_be_visible()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.compare video')].every((v) => v.readyState >= 2)"
    )
    lengths = [video.evaluate("video => video.duration") for video in (after, before)]
    assert lengths[0] == pytest.approx(lengths[1], abs=0.05)
    drifts = sorted(page.evaluate(DRIFTS))
    assert drifts[len(drifts) // 2] < 0.15, "before and after are not in step"
    middle = page.get_by_role("slider", name="Before and after")
    middle.press("ArrowLeft")
    expect(page.locator("#stage")).to_have_attribute("style", re.compile("--split: 49%"))
    assert _change_where_nothing_was_drawn(page, before, after) < 3
    with page.expect_download() as download:
        page.get_by_role("button", name="Contact sheet").click()
    assert download.value.suggested_filename == "contact-sheet.png"
    assert Image.open(download.value.path()).width > 3 * SIDE
    page.get_by_role("button", name="Only the result").click()
    expect(before).to_be_hidden()
    expect(after).to_be_visible()


def _change_where_nothing_was_drawn(page: Page, before: Locator, after: Locator) -> float:
    """How much the first frame's right third differs from the source's, of 255."""
    for video in (after, before):
        video.evaluate("video => { video.pause(); video.currentTime = 0; }")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.compare video')].every((v) => !v.seeking)"
    )
    old, new = (np.array(person.pixels(each)).reshape(SIDE, SIDE, 3) for each in (before, after))
    return float(np.abs(old[:, 64:].astype(int) - new[:, 64:].astype(int)).mean())


def test_a_handle_is_held_on_when_the_server_answers_to_where_it_was(
    page: Page, server: str, clip: Path
):
    bring(page, server, clip)
    expect(told(page)).to_have_text("4.1 s, 33 frames at 8 fps")
    line = page.locator(".timeline")
    former = line.get_attribute("data-end")
    page.mouse.move(*place(page, float(handle(page, "End").input_value())))
    page.mouse.down()
    with page.expect_request(lambda request: '"end":' in (request.post_data or "")):
        page.mouse.move(*place(page, 3.6), steps=5)
    for turn in range(1000):  # it moves on all the while
        page.mouse.move(*place(page, 3.0 + turn % 2 / 10))
        if line.get_attribute("data-end") != former:
            break
    page.mouse.move(*place(page, 2.6))
    page.mouse.up()
    expect(told(page)).to_have_text("2.6 s, 21 frames at 8 fps")


def test_a_reload_keeps_the_cut_and_the_method(page: Page, server: str, clip: Path):
    bring(page, server, clip)
    pull(page, "Start", 1)
    expect(person.plan(page)).to_contain_text("on, ")
    page.get_by_label("Keep structure").check()
    person.reload(page, method="flow_edit")
    expect(page.get_by_label("Keep structure")).to_be_checked()
    expect(page.locator("#trim_start input")).not_to_have_value("0")
    wait_for_picture(page, "#timeline .film")
    expect(person.plan(page)).to_contain_text("on, ")


INK = """() => {
  const board = document.querySelector("#board canvas");
  const { data } = board.getContext("2d").getImageData(0, 0, board.width, board.height);
  return data.filter((level, at) => at % 4 === 3 && level > 127).length;
}"""
"""JavaScript: how many pixels are drawn on."""


def test_what_was_drawn_is_there_after_another_tab_and_a_reload(
    page: Page, server: str, clip: Path
):
    bring(page, server, clip)
    fill_left_half(page, open_mask(page))
    expect(person.plan(page)).to_contain_text("masked")
    drawn = page.evaluate(INK)
    assert drawn > 0
    person.go_to(page, "Text to video")
    person.go_to(page, "Style edit")
    expect(person.plan(page)).to_contain_text("masked")
    page.wait_for_function(f"count => ({INK})() === count", arg=drawn)
    person.reload(page)
    expect(person.plan(page)).to_contain_text("masked")
    open_mask(page)
    page.wait_for_function(f"count => ({INK})() === count", arg=drawn)
    page.locator("#board").get_by_role("button", name="Clear").click()
    expect(person.plan(page)).not_to_contain_text("masked")


def test_a_style_writes_what_may_be_changed(page: Page, server: str, clip: Path):
    bring(page, server, clip)
    person.type_prompt(page, "a red square moving right")
    page.get_by_role("button", name="Blue", exact=True).click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a blue square moving right")
    expect(page.get_by_label("Keep structure")).to_be_checked()
    person.type_number(page, "Strength", "0.5")
    expect(person.plan(page)).to_contain_text("keep structure, strength 0.5")
    page.get_by_role("button", name="Green", exact=True).click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a green square moving right")


def test_what_can_not_be_edited_says_why(page: Page, server: str, clip: Path, tmp_path: Path):
    person.open_app(page, server)
    person.go_to(page, "Style edit")
    expect(person.plan(page)).to_contain_text("Add the video to restyle")
    save_sound(tmp_path / "sound.mp4")
    upload(page, tmp_path / "sound.mp4")
    expect(person.plan(page)).to_contain_text("this file has sound only")
    page.locator("#video").get_by_role("button", name="Clear").click()
    upload(page, clip)
    expect(told(page)).to_be_visible()
    person.type_prompt(page, " ")
    expect(person.plan(page)).to_contain_text("Say what your video becomes")
    person.generate(page)
    expect(person.plan(page).get_by_role("alert")).to_contain_text("Say what your video becomes")
    person.type_prompt(page, "a blue star")
    person.unfold(page, "Edit only a part")
    Image.new("L", (50, 40), 255).save(tmp_path / "small.png")
    page.locator("#mask input[type=file]").set_input_files(tmp_path / "small.png")
    expect(person.plan(page)).to_contain_text("must have the size of the video, 96x96")
    page.locator("#mask").get_by_role("button", name="Clear").click()
    expect(person.plan(page)).to_contain_text("Will run")


def test_nothing_is_made_of_a_video_that_is_still_on_its_way(page: Page, server: str, clip: Path):
    held: list[Route] = []
    person.open_app(page, server)
    person.go_to(page, "Style edit")
    person.type_prompt(page, "a green square")
    page.route("**/upload?*", lambda route: held.append(route))
    upload(page, clip)
    expect(page.locator("#coming")).to_have_text(re.compile("Your file is still on its way"))
    expect(person.plan(page)).to_be_hidden()
    page.locator("#generate").click(force=True)
    page.keyboard.press("Control+Enter")
    held[0].continue_()
    expect(told(page)).to_have_text("4.1 s, 33 frames at 8 fps")
    expect(page.locator("#coming")).to_be_hidden()
    expect(person.plan(page)).to_contain_text("33 frames")
    expect(page.locator("#strip button")).to_have_count(0)


def test_only_the_edits_own_tab_has_its_controls(page: Page, server: str):
    person.open_app(page, server)
    parts = [page.locator(name) for name in ("#source_prompt", "#fit", "#fine-tune", "#sound")]
    for part in parts:
        expect(part).to_be_hidden()
    person.go_to(page, "Image to video")
    expect(page.locator("#fit")).to_be_visible()
    expect(page.locator("#sound")).to_be_hidden()
    person.go_to(page, "Style edit")
    expect(page.locator("#sound")).to_be_visible()
    expect(page.locator("#stage .hint span:visible")).to_have_text(re.compile("Add a video, say"))
    expect(page.locator("#source_prompt")).to_be_hidden()
    page.get_by_label("Keep structure").check()
    expect(page.locator("#source_prompt")).to_be_visible()


def test_each_of_several_clips_is_seen_beside_its_source(page: Page, server: str, clip: Path):
    bring(page, server, clip)
    pull(page, "End", 2.2)
    person.type_prompt(page, "a cyan square moving right on a sand background")
    person.unfold(page, "More: steps")
    person.type_number(page, "Videos", "2")
    expect(person.plan(page)).to_contain_text("2 videos")
    person.generate(page)
    person.finished_video(page)
    before, results = page.locator(".stage .before"), page.locator(".stage .after")
    expect(results).to_have_count(2)
    expect(before).to_be_hidden()
    expect(page.get_by_role("button", name="Contact sheet")).to_be_hidden()
    second = page.get_by_role("button", name="Clip 2", exact=True)
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(results.nth(0)).to_be_hidden()
    for video in (results.nth(1), before):
        expect(video).to_be_visible()
    page.wait_for_function("() => document.querySelectorAll('.stage .after')[1].controls === false")
    with page.expect_download() as download:
        page.get_by_role("button", name="Contact sheet").click()
    assert download.value.suggested_filename == "contact-sheet.png"
    seed = (results.nth(1).get_attribute("aria-label") or "").rpartition(" ")[2]
    page.get_by_role("button", name="Use these settings").click()
    expect(page.locator("#seed input")).to_have_value(seed)
    expect(person.plan(page)).not_to_contain_text("2 videos")
    second.click()
    expect(before).to_be_hidden()
    expect(results.nth(0)).to_be_visible()
    second.click()
    person.generate(page)
    person.stage(page, "running")
    expect(page.locator("#stage")).not_to_have_attribute("data-clip", "1")


def test_a_mask_is_drawn_by_touch_on_a_phone(browser: Browser, server: str, clip: Path):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    bring(page, server, clip)
    board = open_mask(page)
    box = board.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#mask")).to_contain_text("drawn-mask")
    expect(person.plan(page)).to_contain_text("masked")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Clear", exact=True).last.click()
    expect(person.plan(page)).not_to_contain_text("masked")
    context.close()
