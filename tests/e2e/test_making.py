"""With the bundled model: a prompt, a picture and a clip become videos in a real browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e import person
from tests.e2e.conftest import ROOT
from wan_demo import catalog
from wan_demo.media.decode import probe, read_video
from wan_demo.media.encode import read_metadata

RED, CYAN, BLACK = (220, 40, 40), (40, 200, 210), (12, 12, 16)
PROMPT = "a red circle moving right on a black background"


def test_a_prompt_becomes_a_playing_video_of_the_right_colors(page: Page, server: str):
    person.open_app(page, server)
    person.type_prompt(page, PROMPT)
    expect(person.plan(page)).to_contain_text("96×96, 17 frames, 2.1 s at 8 fps, 12 steps")
    person.generate(page)
    running = person.stage(page, "running")
    expect(running.locator(".line")).to_contain_text("Step", timeout=person.FINISH_MS)
    expect(running.locator("img.preview")).to_be_visible(timeout=person.FINISH_MS)
    video = person.finished_video(page)
    assert video.evaluate("video => [video.videoWidth, video.videoHeight]") == [96, 96]
    frame = person.pixels(video)
    assert person.share_near(frame, BLACK) > 0.5
    assert 0.03 < person.share_near(frame, RED) < 0.45
    expect(page).to_have_title("Done · Wan Demo")
    page.wait_for_function("() => document.querySelector('.stage video').currentTime > 0")


def test_the_example_picture_becomes_a_video_that_starts_with_it(page: Page, server: str):
    person.open_app(page, server)
    person.go_to(page, "Image to video")
    person.pick_example(page, "a green square moving left on a black background")
    person.generate(page)
    video = person.finished_video(page)
    video.evaluate("video => { video.pause(); video.currentTime = 0; }")
    page.wait_for_function("() => !document.querySelector('.stage video').seeking")
    frame = person.pixels(video)
    assert 0.03 < person.share_near(frame, (40, 180, 70)) < 0.45
    assert person.share_near(frame, BLACK) > 0.5


def test_a_clip_is_restyled_to_the_color_that_was_asked_for(page: Page, server: str):
    person.open_app(page, server)
    person.go_to(page, "Style edit")
    person.pick_example(page, "a cyan circle moving right on a black background")
    person.generate(page)
    frame = person.pixels(person.finished_video(page))
    assert person.share_near(frame, CYAN, 80) > 0.03
    assert person.share_near(frame, RED) < 0.02


def test_page_and_shell_make_the_same_frames_of_one_seed(page: Page, server: str, tmp_path: Path):
    person.open_app(page, server)
    person.type_prompt(page, PROMPT)
    seed = page.locator("#seed input")
    seed.fill("42")
    seed.press("Tab")
    expect(page.get_by_label("Keep seed")).to_be_checked()
    person.generate(page)
    person.finished_video(page)
    expect(page.locator(".stage .chips")).to_contain_text("seed 42")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    from_page = tmp_path / "page.mp4"
    download.value.save_as(from_page)
    from_shell = tmp_path / "shell.mp4"
    _run_shell(["--prompt", PROMPT, "--seed", "42", "--output", str(from_shell)])
    assert np.array_equal(_frames(from_page), _frames(from_shell))
    assert read_metadata(from_page)["request"] == read_metadata(from_shell)["request"]


@pytest.mark.parametrize("task", ["text_to_video", "image_to_video", "video_to_video"])
def test_programs_make_videos_through_gradio_client(server: str, task: str):
    media = {
        "text_to_video": {},
        "image_to_video": {"image": handle_file(catalog.EXAMPLE_MEDIA / "green-square.png")},
        "video_to_video": {"video": handle_file(catalog.EXAMPLE_MEDIA / "red-circle.mp4")},
    }
    client = Client(server, verbose=False)
    video, used = client.predict(
        prompt=PROMPT,
        num_frames=9,
        num_inference_steps=6,
        seed=7,
        api_name=f"/{task}",
        **media[task],
    )
    assert probe(Path(video), "video").frames == 9
    assert (used["task"], used["seed"], used["num_inference_steps"]) == (task, 7, 6)
    assert read_metadata(Path(video))["request"]["seed"] == 7


def test_a_program_edits_a_part_of_a_clip_inside_a_mask(server: str, tmp_path: Path):
    Image.new("L", (256, 256), 255).save(tmp_path / "mask.png")
    client = Client(server, verbose=False)
    video, used = client.predict(
        video=handle_file(catalog.EXAMPLE_MEDIA / "red-circle.mp4"),
        prompt="a cyan circle moving right on a black background",
        method="flow_edit",
        mask=handle_file(tmp_path / "mask.png"),
        trim_start=0.25,
        trim_end=1.375,
        num_inference_steps=6,
        api_name="/video_to_video",
    )
    assert probe(Path(video), "video").frames == 9
    assert (used["method"], used["n_avg"], used["sound"]) == ("flow_edit", 1, "keep")
    assert "mask" not in used


def _run_shell(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "wan_demo", "generate", "--task", "text_to_video"]
    subprocess.run([*command, "--model", "wan-tiny", *arguments], cwd=ROOT, check=True)


def _frames(path: Path) -> np.ndarray:
    return read_video(path, (96, 96), 17, 8)
