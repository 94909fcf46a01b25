"""Whose a call is."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest
from starlette.requests import Request

from wan_demo.ui.events import caller_of

JOIN, SINGLE = "/gradio_api/queue/join", "/gradio_api/call/text_to_video"


def call(path: str, session: str, host: str | None = "10.0.0.1", **state: Any) -> str:
    told = {"owner": "new", "is_newcomer": True, **state}
    scope = {"type": "http", "path": path, "headers": [], "query_string": b"", "state": told}
    scope |= {"server": ("here", 80), "scheme": "http", "client": (host, 1) if host else None}
    return caller_of(gr.Request(Request(scope), session_hash=session))


def test_a_programs_calls_are_all_one_callers():
    first = call(JOIN, "ada", owner="one")
    assert call(JOIN, "ada", owner="two") == first
    assert call(JOIN, "eve", owner="two") != first


@pytest.mark.parametrize("path", [SINGLE, "/gradio_api/call/v2/text_to_video"])
def test_calls_without_a_session_are_their_addresss(path):
    first = call(path, "event-1")
    assert call(path, "event-2") == first
    assert call(path, "event-3", host="10.0.0.2") != first
    assert call(path, "event-4", host=None)


def test_an_address_is_no_session():
    assert call(JOIN, "10.0.0.1") != call(SINGLE, "event", host="10.0.0.1")


def test_who_brings_a_cookie_is_known_by_that():
    assert call(JOIN, "any", owner="ada", is_newcomer=False) == "ada"
    assert call(SINGLE, "any", owner="ada", is_newcomer=False) == "ada"


def test_half_a_character_is_a_session_too():
    assert call(JOIN, "\ud800")
