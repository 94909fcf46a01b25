"""Bodies that come slowly, or never."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from tests.makers import Clock
from wan_demo.api import limits
from wan_demo.api.errors import AnswersMiddleware
from wan_demo.api.limits import BodyLimitMiddleware
from wan_demo.api.pace import Pace

PIECE = {"type": "http.request", "body": b"x" * 100, "more_body": True}
LAST = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}


class Sender:
    """Sends messages at once, and then says nothing any more."""

    def __init__(self, *messages: Any) -> None:
        self._messages = [*messages]

    async def __call__(self) -> Any:
        if not self._messages:
            await asyncio.Event().wait()
        return self._messages.pop(0)


def test_a_body_has_more_time_the_more_of_it_came():
    clock = Clock()
    body = Pace(Sender(PIECE, PIECE, PIECE), seconds=10, per_second=100, clock=clock)

    async def play() -> None:
        await body.receive()
        clock.now += 10.5  # a second for what came is left of eleven
        await body.receive()
        clock.now += 2
        await body.receive()
        clock.now += 0.4
        with pytest.raises(TimeoutError):
            await body.receive()

    asyncio.run(play())
    assert body.had == 300


def test_who_waits_for_the_end_of_a_whole_request_may_do_so_for_ever():
    body = Pace(Sender(LAST), seconds=0.01, per_second=1, stall=0.01)

    async def play() -> None:
        assert await body.receive() == LAST
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(body.receive(), 0.1)  # ours, as nobody else's comes

    asyncio.run(play())


def served() -> Any:
    app = FastAPI()

    @app.post("/read")
    async def read(request: Request) -> int:
        return len(await request.body())

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def told() -> AsyncIterator[str]:
            yield "begun"
            await asyncio.Event().wait()

        return StreamingResponse(told())

    app.add_middleware(AnswersMiddleware)
    app.add_middleware(BodyLimitMiddleware)
    return app


def answer(method: str, path: str, sender: Sender) -> list[Any]:
    """The messages of an answer."""
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode()}
    scope |= {"headers": [], "query_string": b"", "client": ("1.1.1.1", 1), "root_path": ""}
    scope |= {"scheme": "http", "server": ("here", 80), "http_version": "1.1"}
    asyncio.run(served()(scope, sender, send))
    return said


def test_a_body_that_never_ends_is_told_so_and_the_connection_closed(monkeypatch):
    monkeypatch.setattr(limits, "SECONDS", 0.01)
    head, body, *_ = answer("POST", "/read", Sender(PIECE))
    assert (head["status"], dict(head["headers"])[b"connection"]) == (408, b"close")
    assert b"too slowly" in body["body"]


def test_a_stream_whose_request_never_ends_ends_itself(monkeypatch):
    monkeypatch.setattr(limits, "SECONDS", 0.01)
    said = answer("GET", "/stream", Sender(PIECE))
    assert said[0]["status"] == 200
    assert not said[-1].get("more_body", False)


@pytest.mark.parametrize("more", [(), (PIECE | {"body": b"x" * (limits.MAX_BYTES + 1)},)])
def test_who_has_begun_to_answer_is_told_of_the_end_of_a_body_as_of_its_senders(monkeypatch, more):
    """An error in the midst of an answer would be a fault in the server's log."""
    monkeypatch.setattr(limits, "SECONDS", 0.01)
    seen: list[Any] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        seen.extend([await receive(), await receive()])

    scope = {"type": "http", "path": "/stream", "headers": []}
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    asyncio.run(BodyLimitMiddleware(app)(scope, Sender(PIECE, *more), send))
    assert seen == [PIECE, GONE]
    assert said[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def test_a_stream_of_a_whole_request_goes_on_until_its_reader_leaves(monkeypatch):
    monkeypatch.setattr(limits, "SECONDS", 0.01)
    said = answer("GET", "/stream", Sender(LAST, GONE))
    assert said[0]["status"] == 200
