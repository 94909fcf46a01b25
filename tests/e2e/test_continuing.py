"""Going on from a video on the page, with the bundled model: as often as wanted, no frame twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e import person
from tests.makers import save_video
from wan_demo.domain.events import Frames
from wan_demo.media.decode import probe, read_video

RED, BLACK = (220, 40, 40), (12, 12, 16)
SIDE, COUNT, NEW = 96, 13, 16
"""Of the uploaded video its side and frames; the frames that each run adds."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """13 frames at 8 fps: a red square that moves right over black."""
    frames = np.full((COUNT, SIDE, SIDE, 3), BLACK, np.uint8)
    for index, frame in enumerate(frames):
        frame[36:60, 4 + 3 * index : 28 + 3 * index] = RED
    return save_video(tmp_path_factory.mktemp("clip") / "square.mp4", frames)


def bring(page: Page, server: str, clip: Path) -> None:
    """Image to video with the clip in it, to be continued."""
    person.open_app(page, server)
    person.go_to(page, "Image to video")
    page.get_by_label("Continue a video").check()
    box(page).locator("input[type=file]").set_input_files(clip)
    expect(box(page).locator("video")).to_be_visible()


def box(page: Page) -> Locator:
    return page.locator("#continued")


def frames_of(page: Page, server: str, folder: Path, count: int) -> Frames:
    """The frames of the clip on the stage, decoded from its MP4, which has so many."""
    told = page.locator(".chips", has_text=f"{count} frames")
    stage = page.locator(".stage[data-state='done']", has=told)  # at once: a late look at the
    # queue may bring the clip before back for a moment
    expect(stage).to_be_visible(timeout=person.FINISH_MS)
    address = stage.locator("video").get_attribute("src")
    path = folder / f"{count}.mp4"
    path.write_bytes(page.request.get(f"{server}/{address}").body())
    assert probe(path, "video").frames == count
    return read_video(path, (SIDE, SIDE), count, 8)


def differ(one: Frames, other: Frames) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def centre(frame: Frames) -> float:
    """Where the red square is, from the left."""
    red = (frame[..., 0] > 110) & (frame[..., 1] < 110)
    return float(np.nonzero(red)[1].mean())


def test_a_video_is_continued_again_and_again_without_a_frame_twice(
    page: Page, server: str, clip: Path, tmp_path: Path
):
    bring(page, server, clip)
    person.type_prompt(page, "a red square moving right on a black background")
    page.locator("#seed input").fill("1")
    expect(page.get_by_label("Keep seed")).to_be_checked()
    whole, before = COUNT, read_video(clip, (SIDE, SIDE), COUNT, 8)
    for turn in range(3):
        line = f"{whole + NEW} frames, {(whole + NEW) / 8:.1f} s at 8 fps, {NEW} new frames"
        expect(person.plan(page)).to_contain_text(f"{line} joined to {whole}")
        person.generate(page)
        whole += NEW
        made = frames_of(page, server, tmp_path, whole)
        assert differ(made[: len(before)], before) < 3, "what was there stays as it was"
        seam = made[whole - NEW].astype(int) - made[whole - NEW - 1]
        assert np.abs(seam[:30]).mean() < 2, "the ground changes its color at the seam"
        if turn == 0:  # it moves on by 3 pixels a frame, and the model goes on with that
            assert centre(made[COUNT]) - centre(made[COUNT - 1]) > 0.6, "a frame comes twice"
        before = made
        if turn < 2:
            page.get_by_role("button", name="Continue", exact=True).click()
            expect(person.plan(page)).to_contain_text(f"{NEW} new frames joined to {whole}")


def test_a_clip_of_the_library_is_continued_and_its_settings_come_back(
    page: Page, server: str, clip: Path
):
    bring(page, server, clip)
    person.type_prompt(page, "a red square")
    expect(person.plan(page)).to_contain_text("joined to 13")
    person.generate(page)
    person.finished_video(page)
    page.get_by_role("tab", name="Library").click()
    page.get_by_role("button", name="Open: a red square").first.click()
    page.get_by_role("button", name="Continue", exact=True).click()
    tab = page.get_by_role("tab", name="Image to video")
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(box(page).locator("video")).to_be_visible()
    expect(person.plan(page)).to_contain_text("16 new frames joined to 29")
    person.go_to(page, "Style edit")
    expect(page.locator("#video video")).to_have_count(0)
    page.get_by_role("button", name="Use these settings").click()
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(person.plan(page)).to_contain_text("16 new frames joined to 13")
    expect(page.get_by_label("Continue a video")).to_be_checked()
    expect(page.locator("#video video")).to_have_count(0)


def test_a_picture_and_a_video_wait_for_each_other(
    page: Page, server: str, clip: Path, tmp_path: Path
):
    bring(page, server, clip)
    expect(page.locator("#image")).to_be_hidden()
    expect(page.locator("#sound")).to_be_visible()
    page.get_by_label("From a picture").check()
    expect(box(page)).to_be_hidden()
    expect(page.locator("#sound")).to_be_hidden()
    expect(person.plan(page)).to_contain_text("Add the picture")
    page.get_by_label("Continue a video").check()
    expect(box(page).locator("video")).to_be_visible()
    expect(person.plan(page)).to_contain_text("joined to 13")
    (tmp_path / "notes.mp4").write_text("no video")
    box(page).get_by_role("button", name="Clear").click()
    expect(person.plan(page)).to_contain_text("Add the video to continue")
    box(page).locator("input[type=file]").set_input_files(tmp_path / "notes.mp4")
    expect(person.plan(page)).to_contain_text("must be")
    person.reload(page, begin="video")
    expect(page.get_by_label("Continue a video")).to_be_checked()
    expect(box(page)).to_be_visible()
    expect(person.plan(page)).to_contain_text("must be")


def test_a_phone_has_room_for_it(browser: Browser, server: str, clip: Path):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    bring(page, server, clip)
    expect(person.plan(page)).to_contain_text("joined to 13")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    context.close()
