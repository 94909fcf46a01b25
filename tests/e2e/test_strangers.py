"""What a stranger's own client may try, over the fake engine."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e import person
from tests.e2e.conftest import running_server
from wan_demo import catalog

PICTURE = str(catalog.EXAMPLE_MEDIA / "green-square.png")
CLIP = str(catalog.EXAMPLE_MEDIA / "red-circle.mp4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("strangers")


@pytest.fixture(scope="module")
def server(folder: Path):
    with running_server(folder, "--engine", "fake") as address:
        yield address


def _call(server: str, task: str, *data: object) -> str:
    """What an endpoint answers to a client that follows no rules of gradio_client."""
    url = f"{server}/gradio_api/call/{task}"
    answer = httpx.post(url, json={"data": list(data)}, timeout=60)
    if answer.status_code != 200:
        return answer.text
    event = answer.json()["event_id"]
    return httpx.get(f"{url}/{event}", timeout=60).text


@pytest.mark.parametrize("meta", [{"meta": {"_type": "gradio.FileData"}}, {}])
@pytest.mark.parametrize(
    ("task", "path"),
    [("image_to_video", PICTURE), ("video_to_video", CLIP), ("image_to_video", "/etc/hostname")],
)
def test_a_path_that_was_never_uploaded_is_refused(
    server: str, folder: Path, task: str, path: str, meta: dict
):
    first = [{"path": path, **meta}, "a red circle"]
    rest = [None] * (10 if task == "image_to_video" else 11)
    said = _call(server, task, *first, *rest)
    assert "event: complete" not in said
    assert list((folder / "data" / "inputs").iterdir()) == []
    assert not any((folder / "data" / "videos").iterdir())


def test_files_of_the_data_folder_and_of_the_code_are_not_served(server: str, folder: Path):
    data = folder / "data"
    for path in (
        data / "secret",
        data / "jobs.sqlite3",
        catalog.ASSETS / "../app.py",
        "/etc/passwd",
    ):
        for route in ("gradio_api/file=", "file=", "gradio_api/proxy=", "files/"):
            assert httpx.get(f"{server}/{route}{path}").status_code in (400, 403, 404, 405), path


def test_the_cookie_works_in_a_frame_behind_a_proxy_that_ends_tls(server: str):
    plain = httpx.get(server).headers["set-cookie"]
    behind = httpx.get(server, headers={"X-Forwarded-Proto": "https"}).headers["set-cookie"]
    assert "SameSite=Lax" in plain
    assert "SameSite=None; Secure; Partitioned" in behind
    assert "HttpOnly" in plain


def test_a_browser_that_keeps_no_cookies_still_sees_its_own_video(browser: Browser, server: str):
    context = browser.new_context()
    page = context.new_page()
    page.route("**/*", lambda route: route.continue_(headers=_without_cookie(route.request)))
    person.open_app(page, server)
    person.generate(page)
    person.finished_video(page)
    expect(page.locator("#strip button")).to_have_count(1)
    context.close()


def test_a_job_is_not_found_by_its_id(server: str, browser: Browser):
    mine, other = browser.new_context(), browser.new_context()
    page, thief = mine.new_page(), other.new_page()
    person.open_app(page, server)
    person.generate(page)
    token = person.stage(page, "done").get_attribute("data-job") or ""
    job_id = base64.urlsafe_b64decode(token.partition(".")[0] + "==").decode()
    assert json.loads(job_id) not in page.content().replace(token, "")
    for guess in (json.loads(job_id), job_id, token.partition(".")[0], token[:-1] + "x"):
        person.open_app(thief, server, f"?job={quote(guess)}")
        expect(thief.locator(".stage")).to_contain_text("There is no clip at this address")
    mine.close()
    other.close()


def _without_cookie(request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name != "cookie"}
