"""Each refusal of edits and of image to video, by a program and in the browser: one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import Locator, Page, expect

from tests.e2e import person
from tests.refusals import REFUSALS, Refusal, make_files
from wan_demo.domain.request import INPUTS
from wan_demo.ui.notices import label_of

pytestmark = pytest.mark.parametrize("server", ["fake"], indirect=True)

BY_UPLOAD = [
    *("sound only", "ten hours", "claims ten hours", "an hour's mask", "empty", "text", "wide"),
    *("one frame", "mask of another size", "black mask"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client(server, verbose=False)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: each.name)
def test_a_program_gets_the_sentence(client: Client, files: Path, refusal: Refusal):
    given = {"prompt": "a blue star", **refusal.with_files(files)}
    task = given.pop("task")
    given.setdefault("video" if task == "video_to_video" else "image", None)
    for name in set(INPUTS) & set(given):
        told = given[name]
        is_list = isinstance(told, list)
        given[name] = [handle_file(e) for e in told] if is_list else told and handle_file(told)
    with pytest.raises(AppError) as caught:
        client.predict(**given, api_name=f"/{task}")
    assert str(caught.value).startswith(refusal.sentence)


def refused(page: Page, refusal: Refusal) -> Locator:
    """The line above Generate, once it says the sentence with the field's label."""
    line = person.plan(page).get_by_role("alert")
    said = f"{label_of(refusal.field)} {refusal.allowed}; got {refusal.got}."
    expect(line).to_contain_text(said)
    return line


def add(page: Page, name: str, file: Path) -> None:
    page.locator(f"#{name} input[type=file]").set_input_files(file)


def clear(page: Page, name: str) -> None:
    page.locator(f"#{name}").get_by_role("button", name="Clear").first.click()


def test_a_person_reads_the_sentence_of_each_upload(page: Page, server: str, files: Path):
    person.open_app(page, server)
    person.type_prompt(page, "a fox")
    person.go_to(page, "Style edit")
    known = {refusal.name: refusal for refusal in REFUSALS}
    for name in BY_UPLOAD:
        refusal = known[name]
        add(page, "video", files / str(refusal.given["video"]))
        if "mask" in refusal.given:
            expect(page.locator(".timeline")).to_be_visible()  # and what is about the video
            button = page.get_by_role("button", name="Edit only a part")
            if not page.locator("#mask").is_visible():
                button.click()
            add(page, "mask", files / str(refusal.given["mask"]))
        refused(page, refusal)
        if "mask" in refusal.given:
            clear(page, "mask")
        clear(page, "video")
        expect(person.plan(page)).to_contain_text("Add the video to restyle.")


def test_a_part_that_is_too_short_at_its_speed_says_so(page: Page, server: str, files: Path):
    """What the boxes hold can't be beyond their ranges, but what they come to together can."""
    person.open_app(page, server)
    person.type_prompt(page, "a fox")
    person.go_to(page, "Style edit")
    add(page, "video", files / "clip.mp4")
    expect(person.plan(page)).to_contain_text("Will run")
    person.type_number(page, "Speed", "4")
    refused(page, next(each for each in REFUSALS if each.name == "speed 4"))
    person.type_number(page, "Speed", "2")
    expect(person.plan(page)).to_contain_text("Will run")
