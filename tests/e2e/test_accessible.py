"""axe-core finds nothing wrong, in any state that a person meets, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e import person, visit

pytestmark = pytest.mark.parametrize("server", ["fake"], indirect=True)

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"runOnly": TAGS, "resultTypes": ["violations"]}
CERTAIN = ("aria-prohibited-attr", "aria-hidden-focus", "scrollable-region-focusable")
"""Of what axe leaves for people to look at, what is never right."""

THEMES = ("light", "dark")
HEIGHT = 900


@pytest.fixture
def still(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of the width asked for, without motion: what fades has no contrast of its own."""
    size: Any = {"width": request.param, "height": HEIGHT}
    context = browser.new_context(viewport=size, reduced_motion="reduce")
    page = context.new_page()
    yield page
    context.close()


def wrong(page: Page) -> list[str]:
    """What axe finds in both themes: rule, place and what would mend it, a line each."""
    found: list[str] = []
    for theme in THEMES:
        page.evaluate("is => document.body.classList.toggle('dark', is)", theme == "dark")
        told = Axe().run(page, options=OPTIONS).response
        unsure = [rule for rule in told["incomplete"] if rule["id"] in CERTAIN]
        for rule in (*told["violations"], *unsure):
            found += [f"{theme}: {rule['id']} {node['target']}" for node in rule["nodes"]]
    return found


@pytest.mark.parametrize("still", [1280, 390], indirect=True)
def test_axe_finds_nothing_wrong_on_a_visit(still: Page, server: str, gray: Path):
    person.open_app(still, server)
    found = {state: wrong(still) for state in visit.walk(still, gray)}
    assert {state: lines for state, lines in found.items() if lines} == {}


@pytest.mark.parametrize("still", [1280, 390], indirect=True)
def test_axe_finds_nothing_wrong_in_a_frame_of_another_site(still: Page, server: str):
    person.open_app(still, server, "?embed=1")
    assert wrong(still) == []
    still.get_by_role("button", name="Settings").click()
    expect(still.locator("#num_frames")).to_be_visible()
    assert wrong(still) == []


@pytest.mark.parametrize("still", [1280], indirect=True)
def test_axe_looks_at_contrast_and_structure(still: Page, server: str):
    """Else that it finds nothing would say nothing."""
    person.open_app(still, server)
    still.locator("#generate").evaluate("it => { it.style.color = '#777' }")
    still.locator("#brand h1").evaluate("it => it.remove()")
    found = wrong(still)
    for theme in THEMES:
        assert f"{theme}: color-contrast ['#generate']" in found
        assert f"{theme}: page-has-heading-one ['html']" in found
