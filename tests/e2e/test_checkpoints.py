"""Every spec of the hub, chosen on the page, fetched from a hub on this machine, and made."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import checkpoints
from tests.e2e import person
from tests.e2e.conftest import ROOT, running_server
from tests.hub.server import HubServer
from tests.makers import grays, noise, save_video
from wan_demo import catalog
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.service import MEDIA
from wan_demo.ui.words import TASK_TITLES

SPECS = [spec for spec in catalog.MODELS if not spec.bundled]
CASES = sorted(((spec, task) for spec in SPECS for task in spec.tasks), key=lambda case: case[1])
ROOMY = Path(__file__).parent / "roomy"
SMALL = {"Width": 256, "Height": 256, "Frames": 5, "Steps": 2}
FILES = {"image": "first.png", "last_image": "last.png", "video": "clip.mp4"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with HubServer(tmp_path_factory.mktemp("repos")) as server:
        checkpoints.serve(SPECS, server)
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, hub: HubServer) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    environment = {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(folder / "hub"),
        "HF_HUB_OFFLINE": "0",
        "WAN_DEMO_DOWNLOADS": "true",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOMY)]),
    }
    with running_server(folder, "--device", "cpu", environment=environment) as address:
        yield address


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the tasks start from."""
    folder = tmp_path_factory.mktemp("media")
    for name in ("first.png", "last.png"):
        noise((64, 64)).save(folder / name)
    save_video(folder / "clip.mp4", grays(20))
    return folder


@pytest.fixture(scope="module")
def page(browser: Browser, server: str) -> Iterator[Page]:
    """One page for all, as one person's who tries every model."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    person.open_app(page, server)
    person.type_prompt(page, "a fox")
    page.get_by_role("button", name="More").click()
    yield page
    context.close()


def choose_model(page: Page, spec: ModelSpec) -> None:
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name=re.compile(f"^(✓ ?)?{re.escape(spec.title)} ·")).click()
    expect(page.get_by_label("Model", exact=True)).to_have_value(
        re.compile(f"^{re.escape(spec.title)} ·")
    )
    expect(page.locator("#model")).to_contain_text(spec.summary)
    expect(page.get_by_role("option")).to_have_count(0)  # the list fades away


def give(page: Page, media: Path, name: str, spec: ModelSpec) -> None:
    """Upload a picture or clip where the page has none yet; the first one brings its shape."""
    box = page.locator(f"#{name}")
    if box.locator("img, video").count() == 0:
        box.locator("input[type=file]").set_input_files(media / FILES[name])
        expect(box.locator("img, video").first).to_be_visible()
        if name in MEDIA.values():
            expect(page.locator("#width input[type=number]")).to_have_value(
                str(spec.sizes["1:1"][0])
            )


@pytest.mark.parametrize(("spec", "task"), CASES, ids=lambda value: getattr(value, "id", value))
def test_the_page_fetches_and_runs_every_task_of_every_spec(
    page: Page, media: Path, spec: ModelSpec, task: Task
):
    person.go_to(page, TASK_TITLES[task])
    choose_model(page, spec)
    for name in spec.needs(task):
        give(page, media, name, spec)
    for label, value in SMALL.items():
        person.type_number(page, label, str(value))
    expect(person.plan(page)).to_contain_text("Will run 256×256, 5 frames")
    expect(person.plan(page)).to_contain_text(", 2 steps" if task != "video_to_video" else "steps")
    before = page.locator(".stage").get_attribute("data-job") or ""
    page.locator("#generate").click()
    stage = page.locator(f".stage:not([data-job='{before}'])")
    ended = stage.and_(page.locator("[data-state=done], [data-state=failed]"))
    expect(ended).to_be_visible(timeout=person.FINISH_MS)
    expect(stage).to_have_attribute("data-state", "done")
    expect(stage.locator(".chips")).to_contain_text("5 frames")
    expect(stage.locator(".chips").get_by_text(spec.id, exact=True)).to_be_visible()
    video = person.finished_video(page)
    assert video.evaluate("video => [video.videoWidth, video.videoHeight]") == [256, 256]
    page.wait_for_function("() => document.querySelector('.stage video').currentTime > 0")
