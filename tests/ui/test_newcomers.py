from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wan_demo.ui import newcomers
from wan_demo.ui.newcomers import Newcomers


def ask(page: str | None, is_newcomer: bool = True) -> Any:
    """A request of a page that keeps no cookie, or does."""
    state = SimpleNamespace(is_newcomer=is_newcomer)
    return SimpleNamespace(session_hash=page, username=None, request=SimpleNamespace(state=state))


@pytest.fixture
def pages() -> Newcomers:
    return Newcomers()


def test_a_page_that_asks_twice_is_told_the_same(pages):
    assert [pages.first(ask("page"), owner) for owner in ("ada", "bob")] == ["ada", "ada"]
    assert pages.first(ask("other"), "eve") == "eve"


def test_a_page_that_has_its_key_is_forgotten(pages):
    pages.first(ask("page"), "ada")
    pages.known(ask("page"))
    assert pages.first(ask("page"), "bob") == "bob"


@pytest.mark.parametrize("request_", [ask(None), ask("page", is_newcomer=False)])
def test_whoever_is_known_otherwise_is_not_remembered(pages, request_):
    assert [pages.first(request_, owner) for owner in ("ada", "bob")] == ["ada", "bob"]


def test_no_more_pages_are_remembered_than_may_be(pages, monkeypatch):
    monkeypatch.setattr(newcomers, "MOST", 2)
    for page in "abc":
        pages.first(ask(page), page)
    assert pages.first(ask("a"), "new") == "new"
    assert pages.first(ask("c"), "new") == "c"
