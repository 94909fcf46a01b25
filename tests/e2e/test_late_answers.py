"""Answers of the server that come late, or in another order than they were asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e import person

pytestmark = pytest.mark.parametrize("server", ["fake"], indirect=True)

QUIET_MS = 600
"""So long without another question, a page has none left."""

PROMPT = "a red circle moving right on a black background"
"""Only questions about the whole form hold it."""


class Holding:
    """Answers that are held back until the test hands them out, the last one first."""

    def __init__(self, page: Page, is_held: Callable[[str], bool]) -> None:
        self._page = page
        self._held: list[Route] = []
        self._is_held = is_held
        page.route("**/run/predict**", self._take)

    def _take(self, route: Route) -> None:
        if self._is_held(route.request.post_data or ""):
            self._held.append(route)
        else:
            route.continue_()

    def hand_out(self) -> int:
        """Answer all that is asked and follows from it; returns the most asked at once."""
        most = 0
        self._page.wait_for_timeout(QUIET_MS)
        while self._held:
            held, self._held = self._held, []
            most = max(most, len(held))
            answers = [(route, route.fetch()) for route in held]
            for route, answer in reversed(answers):
                route.fulfill(response=answer)
            self._page.wait_for_timeout(QUIET_MS)
        return most


def test_what_is_typed_stays_when_gradio_tells_of_the_same_tab_again(page: Page, server: str):
    """As it does a moment after the page has opened, too."""
    person.open_app(page, server)
    person.type_number(page, "Frames", "18")
    expect(person.plan(page)).to_contain_text("must be 4k+1 from 9 to 33")
    page.get_by_role("tab", name="Library").click()
    expect(page.locator("#library")).to_be_visible()
    person.go_to(page, "Text to video")
    page.wait_for_timeout(QUIET_MS)
    assert person.field_value(page, "num_frames") == "18"
    expect(person.plan(page)).to_contain_text("must be 4k+1 from 9 to 33")


def test_the_line_tells_of_the_last_change_whatever_answer_is_the_last(page: Page, server: str):
    person.open_app(page, server)
    page.get_by_label("Draft").check()
    person.type_number(page, "Guidance", "6")
    expect(person.plan(page)).to_contain_text("8 steps, guidance 6")
    person.generate(page)
    person.finished_video(page)
    page.get_by_label("Quality").check()
    person.type_number(page, "Guidance", "3")
    expect(person.plan(page)).to_contain_text("guidance 3")
    page.wait_for_timeout(QUIET_MS)
    held = Holding(page, lambda body: PROMPT in body)
    page.get_by_role("button", name="Use these settings").click()
    assert held.hand_out() == 1
    expect(person.plan(page)).to_contain_text("8 steps, guidance 6")
