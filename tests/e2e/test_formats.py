"""Videos that no browser plays, and those of a phone held upright: seen, masked and edited."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e import person
from tests.e2e.test_edit import fill_left_half, handle, open_mask, upload, wait_for_picture
from tests.makers import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    gray_index,
    grays,
    quarters,
    save_video,
    tones,
    turn_clockwise,
)

STORED = (96, 64)

COLORS = """picture => {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d');
  context.drawImage(picture, 0, 0, canvas.width = 8, canvas.height = 8);
  return [[1, 1], [6, 1], [1, 6], [6, 6]].map((at) => [...context.getImageData(...at, 1, 1).data]);
}"""
"""What is inside the four quarters of a picture, as ``quarters`` orders them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def phone(folder: Path) -> Path:
    """2 s of four colors in HEVC, lying on its side, with a note that says so, and with sound."""
    frames = np.repeat(quarters(STORED)[None], 17, axis=0)
    path = folder / "IMG_0001.MOV"
    save_video(path, frames, codec="libx265", sound=tones(400, 400))
    return turn_clockwise(path)


def still(page: Page, box: str = "video") -> str:
    """The address of what is seen in the player's place, once it has come."""
    video = page.locator(f"#{box} video")
    expect(video).to_have_attribute("poster", re.compile(r"/glimpses/\w+/frame"))
    address = video.get_attribute("poster")
    assert address is not None
    assert page.request.get(address).status == 200
    return address


def colors(picture: Locator) -> np.ndarray:
    return np.array(picture.evaluate(COLORS))[:, :3]


def test_a_phones_upright_clip_is_masked_where_it_was_drawn(page: Page, server: str, phone: Path):
    person.open_app(page, server)
    person.go_to(page, "Style edit")
    upload(page, phone)
    wait_for_picture(page, "#timeline .film")
    expect(page.get_by_text("This browser can't play your video")).to_be_visible()
    fill_left_half(page, open_mask(page))
    upright = np.array([BLUE, RED, WHITE, GREEN])
    assert np.abs(colors(page.locator("#board .frame")) - upright).max() < 60
    person.type_prompt(page, "a red circle moving right on a black background")
    person.type_number(page, "Strength", "0.9")
    expect(person.plan(page)).to_contain_text("strength 0.9, masked")
    person.generate(page)
    after = person.finished_video(page)
    before = page.get_by_label("Your video before the edit")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.compare video')].every((v) => v.readyState >= 2)"
    )
    old, new = colors(before), colors(after)
    assert np.abs(old - upright).max() < 60
    change = np.abs(old - new).max(axis=1)
    assert min(change[[0, 2]]) > 60, "what was drawn over was not edited"
    assert max(change[[1, 3]]) < 12, "what was not drawn over was edited"


def test_what_the_browser_can_not_play_is_seen_by_stills(page: Page, server: str, folder: Path):
    person.open_app(page, server)
    person.go_to(page, "Style edit")
    upload(page, save_video(folder / "film.avi", grays(24), codec="mpeg4"))
    wait_for_picture(page, "#timeline .film")
    note = page.get_by_text("This browser can't play your video")
    expect(note).to_be_visible()
    first = still(page)
    expect(page.get_by_text("Video not playable")).to_have_count(0)
    handle(page, "Start").focus()
    page.keyboard.press("PageUp")
    expect(page.locator("#video video")).not_to_have_attribute("poster", first)
    assert still(page).endswith("at=1.250")
    page.locator("#video").get_by_role("button", name="Clear").first.click()
    upload(page, save_video(folder / "clip.mp4", grays(17)))
    wait_for_picture(page, "#timeline .film")
    expect(note).to_be_hidden()


def test_a_video_to_continue_that_can_not_be_played_is_seen_by_its_last_frame(
    page: Page, server: str, folder: Path
):
    person.open_app(page, server)
    person.go_to(page, "Image to video")
    page.get_by_label("Continue a video").check()
    upload(page, save_video(folder / "before.avi", grays(24), codec="mpeg4"), "continued")
    expect(person.plan(page)).to_contain_text("16 new frames joined to 24")
    note = page.get_by_text("This browser can't play your video")
    expect(note).to_be_visible()
    picture = page.request.get(still(page, "continued")).body()
    assert gray_index(np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))) == 23
    controls = page.locator("#continued").get_by_label("play-pause-replay-button")
    expect(controls).to_be_hidden()
    expect(page.get_by_text("Video not playable")).to_have_count(0)
    page.locator("#continued").get_by_role("button", name="Clear").first.click()
    upload(page, save_video(folder / "played.mp4", grays(17)), "continued")
    expect(person.plan(page)).to_contain_text("16 new frames joined to 17")
    expect(note).to_be_hidden()
    expect(controls).to_be_visible()


def test_a_video_that_is_still_loading_is_not_said_to_be_unplayable(
    page: Page, server: str, folder: Path
):
    person.open_app(page, server)
    person.go_to(page, "Style edit")
    upload(page, save_video(folder / "former.avi", grays(24), codec="mpeg4"))
    note = page.get_by_text("This browser can't play your video")
    expect(note).to_be_visible()
    page.locator("#video").get_by_role("button", name="Clear").first.click()
    held: list[Route] = []
    slow = re.compile(r"/file=.*slow\.mp4")
    page.route(slow, lambda route: held.append(route))
    upload(page, save_video(folder / "slow.mp4", grays(17)))
    expect(page.locator(".timeline .told")).to_have_text("2.1 s, 17 frames at 8 fps")
    expect(note).to_be_hidden()
    assert held
    page.unroute(slow)  # lets what was held go on
    page.wait_for_function("() => document.querySelector('#video video')?.readyState >= 1")
    expect(note).to_be_hidden()


def test_what_will_be_lost_is_told_before(page: Page, server: str, folder: Path):
    person.open_app(page, server)
    person.go_to(page, "Style edit")
    upload(page, save_video(folder / "quick.mp4", grays(60), fps=24))
    expect(person.notes(page)).to_contain_text("has no sound, so the clip has none")
    expect(person.notes(page)).to_contain_text("has 24 frames a second and the clip 8: one in 3 is")


def test_a_recording_that_the_system_takes_for_no_video_is_taken(
    page: Page, server: str, folder: Path
):
    person.open_app(page, server)
    person.go_to(page, "Style edit")
    upload(page, save_video(folder / "recording.ts", grays(17)))
    wait_for_picture(page, "#timeline .film")
    page.locator("#video").get_by_role("button", name="Clear").first.click()
    (folder / "letter.txt").write_text("a letter")
    upload(page, folder / "letter.txt")
    expect(person.plan(page)).to_contain_text("must be an MP4, MOV, WebM, MKV, AVI, MPEG or WMV")
    person.go_to(page, "Image to video")
    photo = page.evaluate_handle(
        "() => { const all = new DataTransfer(); all.items.add(new File(['?'], 'photo.heic'));"
        " return all; }"
    )
    page.locator("#image button").first.dispatch_event("drop", {"dataTransfer": photo})
    expect(person.plan(page)).to_contain_text("must be a PNG, JPEG, WebP, GIF, BMP or TIFF image")
    expect(person.plan(page)).to_contain_text("got 'photo.heic'")
