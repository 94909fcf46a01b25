"""The list of models, a person's own among them, and what the chosen one changes on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import person
from tests.e2e.conftest import running_server
from wan_demo import catalog

OWN = """
[[model]]
id = "mine"
title = "My own shapes"
base = "wan-tiny"
folder = "{folder}"
num_inference_steps = 5

[[model]]
id = "broken"
base = "wan-tiny"
folder = "nowhere"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "data").mkdir()
    text = OWN.format(folder=catalog.ASSETS / "wan-tiny")
    (folder / "data" / "models.toml").write_text(text)
    with running_server(folder, "--engine", "fake") as address:
        yield address
    assert "models.toml, model 'broken': folder: " in (folder / "server.log").read_text()


def options(page: Page) -> list[str]:
    page.get_by_label("Model").click()
    expect(page.get_by_role("option").first).to_be_visible()
    said = [text.strip().removeprefix("✓").strip() for text in _options(page).all_inner_texts()]
    page.keyboard.press("Escape")
    return said


def choose(page: Page, name: str) -> None:
    page.get_by_label("Model").click()
    page.get_by_role("option", name=re.compile(f"^(✓ ?)?{re.escape(name)} ·")).click()


def has_size(page: Page, width: str, height: str) -> None:
    for name, side in (("width", width), ("height", height)):
        expect(page.locator(f"#{name} input[type=number]")).to_have_value(side)


def _options(page: Page) -> Locator:
    return page.get_by_role("option")


def test_ones_own_model_is_in_the_list_and_makes_a_clip(page: Page, server: str, tmp_path: Path):
    person.open_app(page, server)
    choose(page, "My own shapes")
    expect(person.plan(page)).to_contain_text("5 steps")
    person.generate(page)
    person.finished_video(page)
    expect(page.locator(".stage .chips")).to_contain_text("mine")


def test_the_list_holds_what_the_tab_can_be_done_with_and_what_is_here_first(
    page: Page, server: str
):
    person.open_app(page, server)
    listed = options(page)
    assert [each.split(" · ")[1] for each in listed[:4]] == [*["ready"] * 3, "29 GB"]
    assert not any(re.search(r"\bI2V", each) for each in listed)
    person.go_to(page, "Style edit")
    page.get_by_label("Model").click()
    expect(_options(page).filter(has_text="Wan2.2 I2V")).to_have_count(0)
    expect(_options(page).filter(has_text="VACE 1.3B")).to_have_count(1)


def test_a_choice_comes_back_with_the_tab_that_can_have_it(page: Page, server: str):
    person.open_app(page, server)
    choose(page, "Wan2.1 T2V 14B")
    expect(page.locator("#model")).to_contain_text("Width → 832")
    person.go_to(page, "Image to video")
    expect(page.locator("#model")).to_contain_text("Wan2.1 T2V 14B can't do Image to video")
    expect(page.get_by_label("Model")).to_have_value(re.compile("^Wan Tiny"))
    person.go_to(page, "Text to video")
    expect(page.get_by_label("Model")).to_have_value(re.compile("^Wan2.1 T2V 14B"))
    has_size(page, "832", "480")


def test_a_resolution_keeps_the_ratio(page: Page, server: str):
    person.open_app(page, server)
    expect(page.locator("#resolution")).to_be_hidden()
    choose(page, "Wan2.1 T2V 14B")
    expect(page.get_by_role("radio", name="480p")).to_be_checked()
    page.get_by_role("radio", name="9:16").check()
    page.get_by_role("radio", name="720p").check()
    has_size(page, "720", "1280")
    expect(page.get_by_role("radio", name="9:16")).to_be_checked()
    page.get_by_role("radio", name="4:3").check()
    has_size(page, "1088", "832")
    person.type_number(page, "Width", "832")
    person.type_number(page, "Height", "480")
    expect(page.get_by_role("radio", name="480p")).to_be_checked()


def test_seconds_and_frames_take_each_others_place(page: Page, server: str):
    person.open_app(page, server)
    seconds = page.locator("#duration textarea, #duration input").first
    seconds.fill("1.3")
    expect(person.plan(page)).to_contain_text("10 frames, 1.3 s at 8 fps")
    expect(page.locator("#num_frames input[type=number]")).to_have_value("13")
    seconds.fill("60")
    page.get_by_role("button", name="Use 4.125").click()
    expect(person.plan(page)).to_contain_text("33 frames, 4.125 s")
    person.generate(page)
    video = person.finished_video(page)
    assert video.evaluate("video => video.duration") == pytest.approx(4.125, abs=0.01)
    person.type_number(page, "Frames", "17")
    expect(seconds).to_have_value("")
    expect(person.plan(page)).to_contain_text("17 frames, 2.1 s")
