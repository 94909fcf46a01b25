"""One's own waiting jobs: moved, doubled, cancelled. Somebody else's never."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import person
from tests.e2e.conftest import OpenPage

pytestmark = pytest.mark.parametrize("server", ["fake"], indirect=True)

SLOW = "50"
"""Steps, of 0.3 s each with the fake engine: time enough for a person's clicks."""


@pytest.fixture
def busy(server: str, page: Page) -> Page:
    """A page with one running job and three waiting ones."""
    person.open_app(page, server)
    person.unfold(page, "More: steps")
    person.type_number(page, "Steps", SLOW)
    for name in ("first", "second", "third", "fourth"):
        person.type_prompt(page, name)
        person.generate(page)
        expect(page.locator(".stage .said")).to_have_text(name)
    expect(page.locator("#waiting li")).to_have_count(3)
    return page


def _line(page: Page, prompt: str) -> Locator:
    return page.locator("#waiting li", has_text=prompt)


def _prompts(page: Page) -> Locator:
    return page.locator("#waiting .said")


def test_jobs_are_moved_doubled_and_cancelled(busy: Page):
    expect(_prompts(busy)).to_have_text(["second", "third", "fourth"])
    _line(busy, "fourth").get_by_role("button", name="Sooner").click()
    expect(_prompts(busy)).to_have_text(["second", "fourth", "third"])
    _line(busy, "second").get_by_role("button", name="Later").click()
    expect(_prompts(busy)).to_have_text(["fourth", "second", "third"])
    _line(busy, "fourth").get_by_role("button", name="Duplicate").click()
    expect(_prompts(busy)).to_have_text(["fourth", "second", "third", "fourth"])
    _line(busy, "third").get_by_role("button", name="Cancel").click()
    expect(_prompts(busy)).to_have_text(["fourth", "second", "fourth"])
    expect(busy.locator("#strip .cancelled")).to_have_count(1)
    expect(busy.locator(".stage .said")).to_have_text("fourth")  # the stage stayed
    _cancel_all(busy)


def _cancel_all(page: Page) -> None:
    """Leave the server idle for the next test."""
    for left in range(page.locator("#waiting li").count() - 1, -1, -1):
        page.locator("#waiting li").first.get_by_role("button", name="Cancel").click()
        expect(page.locator("#waiting li")).to_have_count(left)
    page.locator("#strip button").last.click()
    page.get_by_role("button", name="Stop", exact=True).click()
    person.stage(page, "stopped")


def test_somebody_elses_jobs_are_seen_by_nobody(busy: Page, server: str, open_page: OpenPage):
    other = open_page()
    person.open_app(other, server)
    expect(other.locator("#queue")).to_contain_text("4 jobs in the queue")
    expect(other.locator("#waiting li")).to_have_count(0)
    _cancel_all(busy)
