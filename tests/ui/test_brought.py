from __future__ import annotations

import pytest

from tests.makers import Clock
from wan_demo.ui import brought
from wan_demo.ui.brought import LATE_SECONDS, Brought


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pages(clock: Clock) -> Brought:
    return Brought(clock)


def test_a_look_at_the_job_that_was_brought_is_not_late(pages):
    assert not pages.is_late("page", "first")
    pages.bring("page", "first")
    assert not pages.is_late("page", "first")


def test_a_look_at_the_former_job_is_late_on_that_page_alone(pages):
    pages.bring("page", "first")
    pages.bring("page", "second")
    assert pages.is_late("page", "first")
    assert not pages.is_late("other", "first")


def test_a_page_that_never_heard_of_the_new_job_is_answered_in_the_end(pages, clock):
    pages.bring("page", "second")
    clock.now += LATE_SECONDS
    assert not pages.is_late("page", "first")


def test_a_caller_that_is_no_page_is_never_late(pages):
    pages.bring(None, "second")
    assert not pages.is_late(None, "first")


def test_no_more_pages_are_remembered_than_may_be(pages, monkeypatch):
    monkeypatch.setattr(brought, "MOST", 2)
    for page in "abc":
        pages.bring(page, "second")
    assert [pages.is_late(page, "first") for page in "abc"] == [False, True, True]
