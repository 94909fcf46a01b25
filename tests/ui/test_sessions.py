"""What the server remembers of open pages stays bounded, whoever opens them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.ui.pressing import press_event
from wan_demo.api.app import create_app
from wan_demo.api.limits import MAX_BYTES
from wan_demo.ui import page as pages

MOST = 3


@pytest.fixture
def client(service, links, monkeypatch) -> Iterator[TestClient]:
    monkeypatch.setattr(pages, "MOST_PAGES", MOST)
    app = create_app(links, {}, lambda: None, lambda: None)
    with TestClient(pages.mount(app, service, links, "", "cpu")) as made:
        yield made


def press(client: TestClient, name: str, session: str, told: str = "") -> int:
    """One event of the page, each of its values the same."""
    return press_event(client, name, told, session).status_code


def test_the_pages_used_last_are_remembered_and_no_others(client):
    answers = [press(client, "dismiss", f"page{at}") for at in range(MOST + 4)]
    assert set(answers) == {200}
    gradio = next(
        r.app for r in client.app.routes if hasattr(getattr(r, "app", None), "state_holder")
    )
    kept = list(gradio.state_holder.session_data)
    assert kept == [f"page{at}" for at in range(4, MOST + 4)]


def test_an_event_holds_no_more_than_a_page_may_send(client):
    assert press(client, "load", "page", "x" * 1000) == 200
    assert press(client, "load", "page", "x" * MAX_BYTES) == 413
