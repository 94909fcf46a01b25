"""A page finds its job again: by its address, by its key, in other tabs, browsers and frames."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.e2e import hosting, person
from tests.e2e.conftest import OpenPage, running_server

pytestmark = pytest.mark.parametrize("server", ["fake"], indirect=True)

_STORAGE = "(() => { try { return localStorage.length } catch (error) { return error.name } })()"
"""What a page learns that reaches for its storage: this Chromium blocks it in others' frames."""

JOB_IN_ADDRESS = re.compile(r"\?job=[\w.-]{30,}")


def _make(page: Page, prompt: str) -> str:
    """Make a clip; returns the page's address then."""
    person.type_prompt(page, prompt)
    person.generate(page)
    _said(page, prompt)
    person.finished_video(page)
    expect(page).to_have_url(JOB_IN_ADDRESS)
    return page.url


def _said(page: Page, prompt: str) -> None:
    expect(page.locator(".stage .said")).to_have_text(prompt)


def test_the_address_leads_back_to_its_job_and_not_to_a_newer_one(server: str, page: Page):
    person.open_app(page, server)
    first = _make(page, "a red circle")
    assert _make(page, "a blue star") != first
    page.goto(first)
    _said(page, "a red circle")
    page.reload()
    _said(page, "a red circle")


def test_another_tab_shows_the_job_under_way(server: str, page: Page):
    person.open_app(page, server)
    person.type_prompt(page, "a red square")
    person.generate(page)
    person.stage(page, "running")
    other = page.context.new_page()
    person.open_app(other, server)
    _said(other, "a red square")
    person.finished_video(other)


def test_an_address_given_to_somebody_shows_this_clip_and_nothing_else(
    server: str, open_page: OpenPage
):
    mine, theirs = open_page(), open_page()
    person.open_app(mine, server)
    _make(mine, "a white circle")
    person.unfold(mine, "More: steps")
    person.type_number(mine, "Steps", "50")
    person.type_prompt(mine, "a green square")
    person.generate(mine)
    person.stage(mine, "running")
    expect(mine).to_have_url(JOB_IN_ADDRESS)
    theirs.goto(mine.url)
    person.stage(theirs, "running")
    _said(theirs, "a green square")
    expect(theirs.locator("#strip button")).to_have_count(0)
    expect(theirs.get_by_role("button", name="Stop", exact=True)).to_be_disabled()
    person.finished_video(theirs)
    expect(theirs.get_by_role("button", name="Again, new seed")).to_have_count(0)
    theirs.get_by_role("button", name="Use these settings").click()
    expect(theirs.get_by_label("Prompt", exact=True)).to_have_value("a green square")


def test_an_address_that_leads_nowhere_says_so(server: str, page: Page):
    person.open_app(page, server, "?job=IjEyMyI.forged")
    expect(page.locator(".stage")).to_contain_text("There is no clip at this address")
    page.wait_for_timeout(6000)  # longer than the page waits between two looks
    expect(page.locator(".stage")).to_contain_text("There is no clip at this address")
    _make(page, "a red circle")


def test_a_key_takes_the_clips_to_another_browser_and_back(server: str, open_page: OpenPage):
    here, there = open_page(), open_page()
    person.open_app(here, server)
    _make(here, "an orange star")
    key = _key(here)
    person.open_app(there, server)
    _make(there, "a cyan circle")
    former = _key(there)
    assert key != former
    _enter(there, key)
    expect(there.locator(".card")).to_contain_text("an orange star")
    there.goto(server)  # by the cookie now
    _said(there, "an orange star")
    _key(there)
    _enter(there, "nonsense")
    expect(there.locator("#key-said")).to_contain_text("That is no key of this server")
    expect(there.locator(".card")).to_contain_text("an orange star")
    _enter(there, former)
    expect(there.locator(".card")).to_contain_text("a cyan circle")
    person.go_to(there, "Text to video")
    _said(there, "a cyan circle")


def test_a_page_that_keeps_no_cookies_survives_a_restart_of_the_server(
    tmp_path: Path, browser: Browser, server: str
):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.route("**/*", lambda route: route.continue_(headers=_without_cookie(route.request)))
    with running_server(tmp_path, "--engine", "fake") as address:
        port = address.rpartition(":")[2]
        person.open_app(page, address)
        _make(page, "a purple star")
    with running_server(tmp_path, "--engine", "fake", "--port", port) as again:
        assert again == address
        _make(page, "a white star")  # the same open page
        expect(page.locator("#strip button")).to_have_count(2)
        page.reload()
        _said(page, "a white star")
    context.close()


def _without_cookie(request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name != "cookie"}


def test_a_frame_of_another_site_without_storage_finds_its_job(
    open_page: OpenPage, tmp_path: Path, server: str
):
    page = open_page()
    with (
        running_server(tmp_path, "--engine", "fake", environment=hosting.LOCAL_SITES) as server,
        hosting.another_site(tmp_path, hosting.framing(f"{server}/")) as host,
    ):
        page.goto(host)
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("button", name="Generate", exact=True)).to_be_enabled()
        inner = next(one for one in page.frames if one.url.startswith(server))
        assert inner.evaluate(_STORAGE) == "SecurityError"
        assert page.context.cookies(server) == []
        frame.get_by_label("Prompt", exact=True).fill("a yellow triangle")
        frame.get_by_role("button", name="Generate", exact=True).click()
        _done(frame, "a yellow triangle")
        expect(frame.locator("#strip button")).to_have_count(1)  # it knows whose it is
        assert JOB_IN_ADDRESS.search(inner.url)
        inner.evaluate("location.reload()")
        _done(frame, "a yellow triangle")


def _done(frame: FrameLocator, prompt: str) -> None:
    expect(frame.locator(".stage[data-state='done'] video")).to_be_visible(timeout=person.FINISH_MS)
    expect(frame.locator(".stage .said")).to_have_text(prompt)


def _key(page: Page) -> str:
    """Unfold the key, in the Library, and read it."""
    person.go_to(page, "Library")
    page.get_by_text("Your key: take").click()
    field = page.locator("#key-shown input")
    expect(field).not_to_have_value("")
    return field.input_value()


def _enter(page: Page, key: str) -> None:
    page.locator("#key-entered input").fill(key)
    page.locator("#key-enter").click()
