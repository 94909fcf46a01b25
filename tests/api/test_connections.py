"""Connections that say nothing, to a server that is really listening."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

from wan_demo.api import connections
from wan_demo.api.connections import Connection, most_connections
from wan_demo.bootstrap.logs import STRANGERS

ASKS = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[bytes], Coroutine[Any, Any, Streams]]
NEVER = 3600.0


async def _app(scope: Any, _receive: Any, send: Any) -> None:
    """``/slow`` is under way until the server ends."""
    if scope["path"] == "/slow":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await asyncio.Event().wait()
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def visit(play: Callable[[Connect], Coroutine[Any, Any, None]], most: int, seconds: float) -> None:
    """Have somebody connect to a server with room for so many, as patient as this."""

    class Limited(Connection):
        pass

    Limited.most, Limited.seconds = most, seconds

    async def run() -> None:
        kept = []
        config = uvicorn.Config(_app, "127.0.0.1", 0, http=Limited, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        port = server.servers[0].sockets[0].getsockname()[1]

        async def connect(said: bytes = b"") -> Streams:
            streams = await asyncio.open_connection("127.0.0.1", port)
            kept.append(streams)
            streams[1].write(said)
            return streams

        try:
            await play(connect)
        finally:
            for _, writer in kept:
                writer.close()
            for task in server.server_state.tasks:
                task.cancel()
            server.servers[0].close()

    asyncio.run(run())


async def answered(streams: Streams) -> bool:
    """Whether an answer begins; not where the connection is closed instead."""
    try:
        return (await streams[0].readline()).startswith(b"HTTP/1.1 20")
    except ConnectionResetError:
        return False


async def closed(streams: Streams) -> bool:
    """Once it is closed, whatever else came."""
    with suppress(ConnectionResetError):
        await streams[0].read()
    return True


UNFINISHED = ASKS[:-2] + b"Content-Length: 9\r\n\r\n"
"""A request that is answered, and of whose body nothing comes."""


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nX: ", ASKS, UNFINISHED])
def test_a_connection_is_closed_if_no_request_comes(said: bytes):
    async def play(connect: Connect) -> None:
        assert await closed(await connect(said))

    visit(play, most=10, seconds=0.2)


def test_parts_of_a_head_are_no_request_however_many_come():
    async def play(connect: Connect) -> None:
        reader, writer = await connect(b"GET / HTTP/1.1\r\nX: ")
        while not reader.at_eof() and reader.exception() is None:
            writer.write(b"x")
            await asyncio.sleep(0.02)

    visit(play, most=10, seconds=0.2)


def test_who_is_silent_longest_makes_room():
    async def play(connect: Connect) -> None:
        first, second = await connect(b""), await connect(b"GET /")
        assert await answered(await connect(ASKS))
        assert await closed(first)
        second[1].write(ASKS[5:])
        assert await answered(second)

    visit(play, most=2, seconds=NEVER)


def test_who_is_being_answered_does_not():
    async def play(connect: Connect) -> None:
        slow = await connect(ASKS.replace(b"/ ", b"/slow ", 1))
        assert await answered(slow)
        assert not await answered(await connect(ASKS))
        slow[1].close()
        while not await answered(await connect(ASKS)):
            await asyncio.sleep(0.02)

    visit(play, most=1, seconds=0.2)


def test_a_connection_may_ask_again():
    async def play(connect: Connect) -> None:
        streams = await connect(ASKS)
        assert await answered(streams)
        streams[1].write(ASKS)
        assert b"HTTP/1.1 204" in await streams[0].readuntil(b"HTTP/1.1 204")

    visit(play, most=10, seconds=NEVER)


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01 nothing of HTTP\r\n\r\n",
        ASKS[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_what_is_no_request_is_not_told_in_the_log(said: bytes, caplog: pytest.LogCaptureFixture):
    async def play(connect: Connect) -> None:
        await (await connect(said))[0].readline()

    visit(play, most=10, seconds=NEVER)
    told = [record.getMessage() for record in caplog.records if record.name == "uvicorn.error"]
    assert told
    assert all(each.startswith(STRANGERS) for each in told)


def test_the_system_is_asked_for_files_enough(monkeypatch: pytest.MonkeyPatch):
    resource = pytest.importorskip("resource")
    limits = [(1024, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, said: limits.append(said))
    assert most_connections() == 4096 // 2
    assert limits == [(1024, 4096), (4096, 4096)]
    assert most_connections() == 4096 // 2
    assert len(limits) == 2
    limits.append((256, resource.RLIM_INFINITY))
    assert most_connections() == connections.MOST
