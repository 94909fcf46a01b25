"""Behind nginx, under a path of its own: uploads, live progress, videos that can be sought in."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e import hosting, person
from tests.e2e.conftest import running_server
from wan_demo import catalog

PICTURE = catalog.EXAMPLE_MEDIA / "green-square.png"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("proxy")
    slow = ("--engine", "fake", "--fake-step-seconds", "0.4", "--root-path", "/wan/")
    with running_server(folder, *slow) as address, hosting.proxy(folder, address, "/wan") as at:
        yield at


def test_an_upload_becomes_a_clip_that_is_watched_and_sought_in(shown: str, page: Page):
    person.open_app(page, shown)
    person.go_to(page, "Image to video")
    page.locator("#image input[type=file]").set_input_files(PICTURE)
    expect(person.plan(page)).to_contain_text("Will run")
    person.generate(page)
    person.stage(page, "running")
    expect(page.locator(".stage .line")).to_contain_text("Step")
    preview = page.locator(".stage img.preview")
    expect(preview).to_be_visible()
    page.wait_for_function("() => document.querySelector('img.preview')?.naturalWidth > 0")
    video = person.finished_video(page)
    assert video.evaluate("video => video.currentSrc").startswith(f"{shown}/files/")
    video.evaluate("video => { video.pause(); video.currentTime = video.duration * 0.8; }")
    page.wait_for_function(
        "() => { const v = document.querySelector('.stage video');"
        " return !v.seeking && v.currentTime > v.duration * 0.7 && v.readyState >= 2; }"
    )
    source = video.evaluate("video => video.currentSrc")
    part = httpx.get(source, headers={"Range": "bytes=100-199"})
    assert (part.status_code, len(part.content)) == (206, 100)


def test_a_reload_finds_the_clip_by_address_and_by_cookie(shown: str, page: Page):
    person.open_app(page, shown)
    person.generate(page)
    person.finished_video(page)
    page.reload()
    person.finished_video(page)
    assert [cookie["path"] for cookie in page.context.cookies()] == ["/wan"]  # pyright: ignore
    person.open_app(page, shown)
    person.finished_video(page)


def test_the_path_works_with_and_without_the_proxys_help(shown: str):
    assert httpx.get(f"{shown}/health/ready").status_code == 200
    assert httpx.get(f"{shown}/config").json()["root"] == shown
