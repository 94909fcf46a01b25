"""A page for people with a name and a password: each has their own clips, in every browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.e2e import hosting, person
from tests.e2e.conftest import OpenPage, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that knows two people."""
    said = {"WAN_DEMO_AUTH": "ada:pass:word, bob:s3cret", **hosting.LOCAL_SITES}
    folder = tmp_path_factory.mktemp("login")
    with running_server(folder, "--engine", "fake", environment=said) as address:
        yield address


def _enter(page: Page, server: str, name: str, password: str) -> None:
    page.goto(server)
    _fill(page, name, password)


def _fill(page: Page | FrameLocator, name: str, password: str) -> None:
    page.get_by_label("username").fill(name)
    page.get_by_label("password").fill(password)
    page.get_by_role("button", name="Login").click()


def _log_in(page: Page, server: str, name: str, password: str) -> None:
    _enter(page, server, name, password)
    expect(page.get_by_role("button", name="Generate", exact=True)).to_be_enabled()


def test_nobody_else_is_let_in(server: str, page: Page):
    _enter(page, server, "ada", "s3cret")
    expect(page.get_by_text("Incorrect credentials")).to_be_visible()
    expect(page.locator("#generate")).to_have_count(0)
    for path in ("config", "gradio_api/info", "gradio_api/queue/data?session_hash=x"):
        assert httpx.get(f"{server}/{path}").status_code == 401
    assert httpx.get(f"{server}/health/ready").status_code == 200


def test_a_login_has_its_clips_in_every_browser_and_nobody_elses(server: str, open_page: OpenPage):
    here, there, other = open_page(), open_page(), open_page()
    _log_in(here, server, "ada", "pass:word")
    person.type_prompt(here, "a red star")
    person.generate(here)
    person.finished_video(here)
    expect(here.get_by_text("Your key")).to_have_count(0)
    _log_in(there, server, "ada", "pass:word")
    person.finished_video(there)
    expect(there.locator(".stage .said")).to_have_text("a red star")
    _log_in(other, server, "bob", "s3cret")
    expect(other.locator(".stage[data-state='empty']")).to_be_visible()
    expect(other.locator("#strip button")).to_have_count(0)


def test_a_login_holds_in_another_sites_frame(server: str, browser: Browser, tmp_path: Path):
    """By https, as browsers want it for what a frame may keep."""
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    with (
        hosting.proxy(tmp_path, server, "", is_secure=True) as shown,
        hosting.another_site(tmp_path, hosting.framing(f"{shown}/")) as site,
    ):
        page.goto(site)
        frame = page.frame_locator("iframe")
        _fill(frame, "ada", "pass:word")
        expect(frame.get_by_role("button", name="Generate", exact=True)).to_be_enabled()
        frame.get_by_label("Prompt", exact=True).fill("a gray star")
        frame.get_by_role("button", name="Generate", exact=True).click()
        expect(frame.locator(".stage[data-state='done'] .said")).to_have_text("a gray star")
        page.reload()
        expect(frame.locator(".stage[data-state='done'] .said")).to_have_text("a gray star")
    context.close()


def test_a_program_logs_in(server: str):
    client = Client(server, auth=("bob", "s3cret"), verbose=False)
    video, used = client.predict(prompt="a blue circle", api_name="/text_to_video")
    assert used["prompt"] == "a blue circle"
    assert video
