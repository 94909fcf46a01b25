"""What the server remembers of open pages stays bounded, whoever opens them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from fastapi.testclient import TestClient
from gradio import routes
from starlette.routing import Mount

from tests.ui.pressing import press_event
from wan_demo.api.app import create_app
from wan_demo.api.limits import MAX_BYTES
from wan_demo.ui import page as pages
from wan_demo.ui.sessions import MOST_UPLOADS

MOST = 3


@pytest.fixture
def app(service, links, monkeypatch) -> Any:
    monkeypatch.setattr(pages, "MOST_PAGES", MOST)
    app = create_app(links, {}, lambda: None, lambda: None)
    pages.mount(app, service, links, "", "cpu")
    return app


@pytest.fixture
def client(app) -> Iterator[TestClient]:
    with TestClient(app) as made:
        yield made


def press(client: TestClient, name: str, session: str, told: str = "") -> int:
    """One event of the page, each of its values the same."""
    return press_event(client, name, told, session).status_code


def _gradio(client: TestClient) -> Any:
    (mount,) = (route for route in client.app.routes if isinstance(route, Mount))  # pyright: ignore
    return mount.app


def test_the_pages_used_last_are_remembered_and_no_others(client):
    answers = [press(client, "dismiss", f"page{at}") for at in range(MOST + 4)]
    assert set(answers) == {200}
    kept = list(_gradio(client).state_holder.session_data)
    assert kept == [f"page{at}" for at in range(4, MOST + 4)]


def test_names_that_somebody_makes_up_displace_nobody_elses_page(app):
    somebody, anybody = (TestClient(app, client=(host, 1)) for host in ("1.1.1.1", "2.2.2.2"))
    assert press(somebody, "dismiss", "mine") == 200
    for at in range(MOST + 4):
        assert press(anybody, "dismiss", f"made-up{at}") == 200
    kept = _gradio(somebody).state_holder
    assert "mine" in kept
    assert len(kept.session_data) == MOST
    assert kept._came.keys() == kept.time_last_used.keys() == kept.session_data.keys()


def test_an_event_holds_no_more_than_a_page_may_send(client):
    assert press(client, "load", "page", "x" * 1000) == 200
    assert press(client, "load", "page", "x" * MAX_BYTES) == 413


def test_what_a_page_sent_for_its_controls_is_not_kept(client):
    assert press(client, "load", "page", "x" * 1000) == 200
    session = _gradio(client).state_holder.session_data["page"]
    assert session.config_values == {}
    assert list(session.components) == []
    assert press(client, "dismiss", "page") == 200


def test_no_name_of_a_page_is_kept_that_is_longer_than_any(client):
    for name in ("a" * 1000, "b" * 1000, "a" * 1000, "\ud800" * 100):
        assert press(client, "dismiss", name) == 200
    kept = _gradio(client).state_holder
    assert [len(name) for name in kept.session_data] == [64, 64, 64]
    assert kept.time_last_used.keys() == kept.session_data.keys()
    assert "a" * 1000 in kept


def test_the_uploads_asked_for_last_are_remembered_and_no_others(client, monkeypatch):
    uploads = routes.file_upload_statuses

    async def ask(name: str) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(uploads.is_tracked(name), 0)

    async def ask_for_many() -> None:
        for at in range(MOST_UPLOADS + 5):
            await ask(f"{at}")
            uploads.track(f"{at}")

    asyncio.run(ask_for_many())
    last = [f"{at}" for at in range(5, MOST_UPLOADS + 5)]
    assert list(uploads._signals) == list(uploads._statuses) == last


def test_progress_of_an_upload_is_told(client):
    sent = {"files": ("clip.mp4", b"0123456789")}
    assert client.post("/gradio_api/upload?upload_id=mine", files=sent).status_code == 200
    assert '"msg": "done"' in client.get("/gradio_api/upload_progress?upload_id=mine").text
