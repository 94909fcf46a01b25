"""The Library as a person meets it, over the fake engine."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.e2e import person
from tests.e2e.conftest import OpenPage, running_server
from tests.makers import request
from wan_demo.api.owner import COOKIE
from wan_demo.domain.job import Job
from wan_demo.engine.fake import FakeEngine
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.jobs.sql import connect, sqlite_url
from wan_demo.jobs.table import dump_outputs, jobs
from wan_demo.media.folder import DataFolder
from wan_demo.media.links import Links
from wan_demo.worker import Worker

PROMPTS = ("a red circle", "a blue star", "a green star")
STEPS = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with running_server(folder, "--engine", "fake") as address:
        yield address


@pytest.fixture
def context(browser: Browser, folder: Path, server: str) -> Iterator[BrowserContext]:
    """Somebody who has made three clips, the last one the newest."""
    data, owner = DataFolder(folder / "data"), secrets.token_urlsafe(16)
    give(data, owner, *PROMPTS)
    made = browser.new_context(viewport={"width": 1280, "height": 900})
    made.add_cookies([{"name": COOKIE, "value": Links(data).sign_owner(owner), "url": server}])
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, server: str) -> Iterator[Page]:
    """Their page, open at the Library."""
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    person.open_app(page, server)
    to_library(page)
    expect(page.locator(".card")).to_have_count(3)
    yield page
    assert errors == [], "errors on the page"


def give(data: DataFolder, owner: str, *prompts: str) -> None:
    """Clips that an owner made: made here, as the server's worker would, and written down."""
    store = MemoryJobStore()
    worker = Worker("test", store, FakeEngine(), data)
    engine = connect(sqlite_url(data.database))
    for prompt in prompts:
        store.add(request(prompt=prompt, num_inference_steps=STEPS), owner)
        worker.run_once()
        with engine.begin() as connection:
            connection.execute(jobs.insert().values(_row(store.list(owner)[0])))
    engine.dispose()


def _row(job: Job) -> dict[str, object]:
    plain = ("id", "owner", "status", "attempt", "cancel_requested", "pinned")
    times = ("created_at", "started_at", "finished_at")
    return {
        **{name: getattr(job, name) for name in (*plain, *times)},
        "model": job.request.model,
        "request": job.request.model_dump_json(),
        "progress": job.progress.model_dump_json(),
        "outputs": dump_outputs(job.outputs),
    }


def to_library(page: Page) -> None:
    page.get_by_role("tab", name="Library").click()
    expect(page.locator("#library .shelf")).to_be_visible()


def card(page: Page, prompt: str) -> Locator:
    return page.locator(".card").filter(has_text=prompt)


def opener(page: Page, prompt: str) -> Locator:
    return page.get_by_role("button", name=f"Open: {prompt}")


def prompts(page: Page, *expected: str) -> None:
    expect(page.locator(".card .said")).to_have_text(list(expected))


def plays(page: Page, prompt: str) -> bool:
    return (
        card(page, prompt)
        .locator("video")
        .evaluate("video => !video.paused && video.readyState >= 2 && video.loop && video.muted")
    )


def test_the_library_takes_the_whole_width_and_the_form_is_as_it_was(page: Page):
    page.get_by_role("tab", name="Text to video").click()
    person.type_prompt(page, "still the same")
    to_library(page)
    expect(page.get_by_text("3 clips", exact=True)).to_be_visible()
    for away in ("#stage", "#settings", "#generate", "#prompt"):
        expect(page.locator(away)).to_be_hidden()
    assert (page.locator(".grid").bounding_box() or {})["width"] > 1100
    page.get_by_role("tab", name="Text to video").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("still the same")
    expect(person.plan(page)).to_contain_text("Will run")


def test_a_clip_plays_under_the_pointer_and_under_the_keyboard(page: Page):
    expect(card(page, PROMPTS[0]).locator("img")).to_have_js_property("complete", True)
    assert card(page, PROMPTS[0]).locator("img").evaluate("image => image.naturalWidth") > 0
    card(page, PROMPTS[0]).hover()
    page.wait_for_function(_PLAYING, arg=PROMPTS[0])
    page.locator("#top").hover()
    assert not plays(page, PROMPTS[0])
    opener(page, PROMPTS[2]).focus()
    page.wait_for_function(_PLAYING, arg=PROMPTS[2])
    page.keyboard.press("ArrowRight")
    page.wait_for_function(_PLAYING, arg=PROMPTS[1])
    assert not plays(page, PROMPTS[2])


_PLAYING = """(prompt) => [...document.querySelectorAll('.card')].some((card) =>
  card.textContent.includes(prompt) && card.querySelector('video').currentTime > 0 &&
  !card.querySelector('video').paused)"""


def test_nothing_moves_for_whoever_asked_for_that(page: Page):
    page.emulate_media(reduced_motion="reduce")
    card(page, PROMPTS[0]).hover()
    page.wait_for_timeout(500)
    assert not plays(page, PROMPTS[0])


def test_a_search_finds_as_it_is_typed_and_filters_narrow_it(page: Page):
    page.get_by_label("Search", exact=True).press_sequentially("STAR a", delay=40)
    prompts(page, "a green star", "a blue star")
    expect(page.get_by_text("2 clips found")).to_be_visible()
    page.get_by_label("Search", exact=True).fill("no such thing")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    page.get_by_role("button", name="Show all clips").click()
    prompts(page, *PROMPTS[::-1])
    expect(page.get_by_label("Search", exact=True)).to_have_value("")
    page.get_by_label("Task", exact=True).click()
    expect(page.get_by_role("option")).to_have_text(
        [re.compile("All tasks"), re.compile("Text to video")]
    )
    page.get_by_role("option", name="Text to video").click()
    expect(page.get_by_text("3 clips found")).to_be_visible()


def test_keys_move_open_close_and_delete(page: Page):
    opener(page, PROMPTS[2]).focus()
    page.keyboard.press("ArrowRight")
    expect(opener(page, PROMPTS[1])).to_be_focused()
    page.keyboard.press("End")
    expect(opener(page, PROMPTS[0])).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#clip .said")).to_have_text(PROMPTS[0])
    expect(page.locator(".grid")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#clip .opened")).to_have_count(0)
    expect(opener(page, PROMPTS[0])).to_be_focused()
    page.keyboard.press("Delete")
    prompts(page, "a green star", "a blue star")
    expect(opener(page, PROMPTS[1])).to_be_focused()
    expect(page.get_by_text("Deleted 1 clip.")).to_be_visible()
    page.keyboard.press("Control+z")
    prompts(page, *PROMPTS[::-1])
    expect(page.locator("#notice .note")).to_have_count(0)


def test_what_is_deleted_is_gone_from_everywhere_until_it_is_had_back(page: Page, server: str):
    page.get_by_role("tab", name="Text to video").click()
    expect(page.locator("#strip button")).to_have_count(3)
    address = page.locator(".stage video").get_attribute("src")
    to_library(page)
    card(page, PROMPTS[2]).hover()
    page.get_by_role("button", name=f"Delete: {PROMPTS[2]}").click()
    prompts(page, "a blue star", "a red circle")
    assert page.request.get(f"{server}/{address}").status == 404
    page.get_by_role("tab", name="Text to video").click()
    expect(page.locator("#strip button")).to_have_count(2)
    expect(page.locator(".stage[data-state='empty']")).to_be_visible()
    undo = page.get_by_role("button", name="Undo")
    undo.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#strip button")).to_have_count(3)
    assert page.request.get(f"{server}/{address}").status == 200
    page.reload()
    expect(page.locator("#strip button")).to_have_count(3)


def test_several_are_chosen_and_deleted_at_once(page: Page):
    for prompt in PROMPTS[:2]:
        page.get_by_role("checkbox", name=f"Select: {prompt}").check()
    page.get_by_role("button", name="Delete 2 selected").click()
    prompts(page, "a green star")
    expect(page.get_by_role("button", name=re.compile("selected"))).to_have_count(0)
    expect(page.get_by_role("checkbox")).not_to_be_checked()
    page.get_by_role("button", name="Undo").click()
    prompts(page, *PROMPTS[::-1])


def test_escape_in_the_library_stops_nothing(page: Page):
    page.get_by_role("tab", name="Text to video").click()
    person.unfold(page, "More: steps")
    person.type_number(page, "Steps", "60")
    expect(person.plan(page)).to_contain_text("60 steps")
    person.generate(page)
    person.stage(page, "running")
    to_library(page)
    opener(page, PROMPTS[0]).click()
    expect(page.locator("#clip .opened")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#clip .opened")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(1000)
    page.get_by_role("tab", name="Text to video").click()
    person.stage(page, "running")
    expect(page.locator("#strip button")).to_have_count(4)
    page.get_by_role("button", name="Stop", exact=True).click()
    person.stage(page, "stopped")


def test_a_clip_that_is_done_comes_to_the_open_library(page: Page):
    page.get_by_role("tab", name="Text to video").click()
    person.unfold(page, "More: steps")
    for prompt, steps in (("soon", "20"), ("much later", "60")):
        person.type_number(page, "Steps", steps)
        person.type_prompt(page, prompt)
        expect(person.plan(page)).to_contain_text(f"{steps} steps")
        person.generate(page)
        expect(page.locator(".stage .said")).to_have_text(prompt)
    to_library(page)
    prompts(page, "soon", *PROMPTS[::-1])
    prompts(page, "much later", "soon", *PROMPTS[::-1])


def test_settings_go_back_into_the_form(page: Page):
    page.get_by_role("tab", name="Text to video").click()
    person.type_prompt(page, "something else")
    to_library(page)
    opener(page, PROMPTS[0]).click()
    seed = page.locator("#clip .chips span").first.inner_text().removeprefix("seed ")
    page.get_by_role("button", name="Use these settings").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPTS[0])
    expect(page.get_by_role("tab", name="Text to video")).to_have_attribute("aria-selected", "true")
    expect(person.plan(page)).to_contain_text(f"{STEPS} steps")
    assert person.field_value(page, "seed") == seed
    expect(page.get_by_label("Keep seed")).to_be_checked()


def test_a_clip_goes_on_to_be_edited_or_animated(page: Page):
    opener(page, PROMPTS[0]).click()
    page.get_by_role("button", name="Animate this frame").click()
    expect(page.get_by_role("tab", name="Image to video")).to_have_attribute(
        "aria-selected", "true"
    )
    expect(page.locator("#image img")).to_be_visible()
    page.get_by_role("tab", name="Library").click()
    page.get_by_role("button", name="Edit this").click()
    expect(page.get_by_role("tab", name="Style edit")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#video video")).to_be_visible()


def test_a_reload_comes_back_to_the_library_and_keeps_the_form(page: Page):
    page.get_by_role("tab", name="Style edit").click()
    person.type_prompt(page, "still here")
    to_library(page)
    person.reload(page, tab="library")
    prompts(page, *PROMPTS[::-1])
    page.get_by_role("tab", name="Style edit").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("still here")
    expect(person.plan(page)).to_contain_text("Add the video")


def test_pins_are_kept(page: Page):
    card(page, PROMPTS[1]).hover()
    page.get_by_role("button", name=f"Pin: {PROMPTS[1]}").click()
    expect(page.get_by_role("button", name=f"Unpin: {PROMPTS[1]}")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name=f"Unpin: {PROMPTS[1]}")).to_be_visible()


def test_two_people_see_their_own_only(page: Page, open_page: OpenPage, server: str):
    other = open_page()
    person.open_app(other, server)
    to_library(other)
    expect(other.get_by_text("Your videos will be here")).to_be_visible()
    job = card(page, PROMPTS[0]).get_attribute("data-job")
    other.evaluate(_ADD_BUTTON, job)
    other.locator("#library #stolen").click()
    other.wait_for_timeout(1000)
    expect(other.locator("#clip .opened")).to_have_count(0)


_ADD_BUTTON = """(job) => {
  const button = document.createElement('button');
  Object.assign(button.dataset, { action: 'open', job });
  button.id = 'stolen';
  button.textContent = 'Open';
  document.querySelector('#library .shelf').append(button);
}"""


def test_everything_fits_a_phone(browser: Browser, page: Page, server: str):
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        storage_state=page.context.storage_state(),
    )
    phone = context.new_page()
    person.open_app(phone, server)
    for tab in ("Text to video", "Image to video", "Style edit", "Library"):
        expect(phone.get_by_role("tab", name=tab)).to_be_visible()
    to_library(phone)
    prompts(phone, *PROMPTS[::-1])
    opener(phone, PROMPTS[0]).tap()
    expect(phone.get_by_role("button", name="Use these settings")).to_be_visible()
    wide = phone.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    context.close()


_DROP = """([selector, name, bytes]) => {
  const list = new DataTransfer();
  list.items.add(new File([new Uint8Array(bytes)], name, { type: 'video/mp4' }));
  const target = document.querySelector(selector);
  for (const type of ['dragover', 'drop']) {
    const event = new DragEvent(type, { dataTransfer: list, bubbles: true, cancelable: true });
    target.dispatchEvent(event);
  }
}"""


def drop(page: Page, file: Path, selector: str) -> None:
    page.evaluate(_DROP, [selector, file.name, list(file.read_bytes())])


def test_a_clip_that_is_dropped_anywhere_brings_its_settings(
    open_page: OpenPage, folder: Path, server: str, tmp_path: Path
):
    data, prompt = DataFolder(folder / "data"), "a clip of somebody else's"
    give(data, secrets.token_urlsafe(16), prompt)
    newest = max(data.videos.glob("*.mp4"), key=lambda path: path.stat().st_mtime)
    page = open_page()
    person.open_app(page, server)
    drop(page, newest, "#stage")
    expect(page.get_by_text("Settings restored: Text to video, wan-tiny, seed 1.")).to_be_visible()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(prompt)
    expect(person.plan(page)).to_contain_text(f"{STEPS} steps")
    expect(page.get_by_label("Keep seed")).to_be_checked()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#notice .note")).to_have_count(0)
    (tmp_path / "notes.mp4").write_text("no video at all")
    drop(page, tmp_path / "notes.mp4", "#prompt")
    expect(page.get_by_text("This file must be an MP4")).to_be_visible()
    to_library(page)
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Open an MP4 made here").click()
    chosen.value.set_files(newest)
    expect(page.get_by_text("Settings restored")).to_be_visible()
    expect(page.get_by_role("tab", name="Text to video")).to_have_attribute("aria-selected", "true")


def test_a_drop_on_an_upload_field_is_an_upload(page: Page, folder: Path):
    page.get_by_role("tab", name="Style edit").click()
    clip = next((folder / "data" / "videos").glob("*.mp4"))
    page.locator("#video input[type=file]").wait_for(state="attached")
    drop(page, clip, "#video button")
    expect(page.locator("#video video")).to_be_visible()
    expect(page.locator("#notice .note")).to_have_count(0)
