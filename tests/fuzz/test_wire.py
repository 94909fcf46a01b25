"""Whatever is sent to a server: an answer that is no fault, nothing of its own told or logged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.calm_log import assert_calm
from tests.e2e.conftest import running_server
from tests.fuzz.hostile import ANYTHING, FIELDS, NAMES, OBJECTS, examples
from tests.fuzz.wire import Sent, presses, requests, routes_of
from tests.ui.serving import served_page
from wan_demo.domain.request import Task

SECRETS = ("Traceback", "site-packages", "root:x:", "wan_demo/", ".sqlite3")
JSON = {"content-type": "application/json"}
SLOW_SECONDS = 30.0
UNSENDABLE = (httpx.InvalidURL, httpx.LocalProtocolError)
"""What the client that sends it here won't."""


@dataclass
class Server:
    """One that is tried, what there is to ask it, and its log as far as it was read."""

    client: httpx.Client
    folder: Path
    routes: list[tuple[str, str]]
    known: dict[str, list[str]]
    events: list[dict[str, Any]]
    shown: dict[int, Any]
    read: int = 0

    def logged(self) -> str:
        """What came to the log since it was last asked for."""
        told = (self.folder / "server.log").read_bytes()
        new, self.read = told[self.read :], len(told)
        return new.decode(errors="replace")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    routes = sorted(set(routes_of(served_page(tmp_path_factory.mktemp("routes")))))
    folder = tmp_path_factory.mktemp("tried")
    with (
        running_server(folder, "--engine", "fake") as address,
        httpx.Client(base_url=address, timeout=SLOW_SECONDS) as client,
    ):
        config = client.get("/config").json()
        events = config["dependencies"]
        shown = {part["id"]: part["props"].get("value") for part in config["components"]}
        own = [each for each in events if not each["queue"]]
        names = sorted({str(each["api_name"]) for each in events if each["api_name"]})
        known = {"api_name": [*names, "predict"], "session_hash": ["page"]}
        yield Server(client, folder, routes, known, own, shown)


def ask(server: Server, sent: Sent) -> tuple[int, str]:
    """Status and text; of a stream that goes on its status alone."""
    with server.client.stream(
        sent.method, sent.path, content=sent.body, headers=sent.headers
    ) as answer:
        is_stream = answer.headers.get("content-type", "").startswith("text/event-stream")
        said = "" if is_stream else answer.read().decode(errors="replace")
        return answer.status_code, f"{said} {answer.headers}"


def test_there_is_much_to_ask(server):
    patterns = {pattern for _, pattern in server.routes}
    assert {"/", "/owner", "/files/{token}", "/gradio_api/queue/join"} <= patterns
    assert len(patterns) > 50


@examples(300)
@given(st.data())
def test_any_request_is_answered_and_tells_nothing(server, data):
    sent = data.draw(requests(server.routes, server.known))
    try:
        status, said = ask(server, sent)
    except UNSENDABLE:
        return
    assert status < 500, said[:300]
    if status >= 400:
        assert [secret for secret in (*SECRETS, str(server.folder)) if secret in said] == []
    assert_calm(server.logged())


@examples(250)
@given(st.data())
def test_any_value_of_an_event_is_taken_or_refused(server, data):
    sent = data.draw(presses(server.events, server.shown))
    status, said = ask(server, sent)
    assert status in (200, 422), said[:300]
    assert [secret for secret in (*SECRETS, str(server.folder)) if secret in said] == []
    assert_calm(server.logged())


@examples(60)
@given(st.data(), st.sampled_from(list(Task)), st.booleans())
def test_any_value_of_an_endpoint_is_taken_or_refused(server, data, task, is_by_name):
    told = data.draw(OBJECTS)
    body = told if is_by_name else {"data": list(told.values())}
    form = "v2/" if is_by_name else ""
    path = f"/gradio_api/call/{form}{task}"
    sent = Sent("POST", path, json.dumps(body).encode(), JSON)
    status, said = ask(server, sent)
    assert status < 500, said[:300]
    assert_calm(server.logged())


@examples(40)
@given(st.dictionaries(st.sampled_from(FIELDS) | NAMES, ANYTHING, max_size=6))
def test_whatever_an_address_or_a_browser_kept_fills_the_form_or_is_left_out(server, told):
    (event,) = (each for each in server.events if each["api_name"] == "restore")
    for kept in (told, {"asked": told, "task": told.get("task")}):
        body = {"data": [kept], "fn_index": event["id"], "session_hash": "page"}
        sent = Sent("POST", "/gradio_api/run/predict", json.dumps(body).encode(), JSON)
        status, said = ask(server, sent)
        assert status in (200, 422), said[:300]
        assert_calm(server.logged())


def test_it_serves_as_before(server):
    assert server.client.get("/health/ready").status_code == 200
    assert "gradio" in server.client.get("/").text
