"""Too many at a time, and too fast: the others are answered all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wan_demo.api.crowd import BURST, CALLS, LOGINS, WATCH_BURST, CrowdMiddleware
from wan_demo.domain.rates import HERE, asking


class Door:
    """An application whose visitors stay until they are let go, behind the limits."""

    def __init__(self, most: int, each: int) -> None:
        self.open = asyncio.Event()
        self.asked: list[str] = []
        self._crowd = CrowdMiddleware(self._stay, most, each)

    async def _stay(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.asked.append(asking.get())
        await self.open.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def visit(
        self, host: str, path: str = "/", method: str = "GET"
    ) -> tuple[int, dict[bytes, bytes]]:
        """Status and headers of an answer."""
        said: list[Any] = []

        async def send(message: Any) -> None:
            said.append(message)

        scope = {"type": "http", "client": (host, 1), "path": path, "method": method, "headers": []}
        await self._crowd(scope, asyncio.Queue().get, send)
        return said[0]["status"], dict(said[0]["headers"])


async def _crowd(door: Door, hosts: list[str]) -> list[int]:
    """All come at once, then whoever was let in is let go."""
    visits = [asyncio.create_task(door.visit(host)) for host in hosts]
    await asyncio.sleep(0)
    door.open.set()
    return [status for status, _ in await asyncio.gather(*visits)]


def test_a_full_server_says_so_and_has_room_again_once_somebody_went():
    async def play() -> None:
        door = Door(most=2, each=2)
        assert await _crowd(door, ["1.1.1.1", "2.2.2.2", "3.3.3.3"]) == [200, 200, 503]
        assert (await door.visit("3.3.3.3"))[0] == 200

    asyncio.run(play())


def test_one_address_does_not_take_all_the_room():
    async def play() -> None:
        door = Door(most=10, each=2)
        hosts = ["1.1.1.1"] * 3 + ["2.2.2.2"] + ["127.0.0.1"] * 4
        assert await _crowd(door, hosts) == [200, 200, 429, 200, 200, 200, 200, 200]

    asyncio.run(play())


def test_who_asks_too_fast_is_told_when_to_come_again():
    async def play() -> None:
        door = Door(most=10, each=10)
        door.open.set()
        answers = [await door.visit("1.1.1.1") for _ in range(int(BURST) + 50)]
        status, headers = answers[-1]
        assert (answers[0][0], status) == (200, 429)
        assert int(headers[b"retry-after"]) >= 1
        assert (await door.visit("2.2.2.2"))[0] == 200

    asyncio.run(play())


@pytest.mark.parametrize("path", ["/login", "/login/"])
def test_who_guesses_passwords_waits_and_nobody_else_does(path):
    async def play() -> None:
        door = Door(most=10, each=10)
        door.open.set()
        tries = [await door.visit("1.1.1.1", path, "POST") for _ in range(int(LOGINS) + 2)]
        assert (tries[int(LOGINS) - 1][0], tries[-1][0]) == (200, 429)
        assert int(tries[-1][1][b"retry-after"]) >= 1
        assert (await door.visit("1.1.1.1"))[0] == 200
        assert (await door.visit("2.2.2.2", path, "POST"))[0] == 200

    asyncio.run(play())


@pytest.mark.parametrize("path", ["/gradio_api/call/v2/text_to_video", "/gradio_api/queue/join"])
def test_a_program_that_calls_without_end_waits_and_its_page_does_not(path):
    async def play() -> None:
        door = Door(most=10, each=10)
        door.open.set()
        calls = [await door.visit("1.1.1.1", path, "POST") for _ in range(int(CALLS) + 9)]
        assert (calls[int(CALLS) - 1][0], calls[-1][0]) == (200, 429)
        assert (await door.visit("1.1.1.1", "/gradio_api/run/predict", "POST"))[0] == 200
        assert (await door.visit("2.2.2.2", path, "POST"))[0] == 200
        assert (await door.visit("127.0.0.1", path, "POST"))[0] == 200

    asyncio.run(play())


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_who_watches_is_answered_when_it_is_full(path):
    async def play() -> None:
        door = Door(most=0, each=0)
        door.open.set()
        assert (await door.visit("1.1.1.1", path))[0] == 200
        assert (await door.visit("1.1.1.1"))[0] == 503

    asyncio.run(play())


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_who_watches_too_often_is_told_so_unless_it_is_this_machine(path):
    async def play() -> None:
        door = Door(most=10, each=10)
        door.open.set()
        looks = [await door.visit("1.1.1.1", path) for _ in range(int(WATCH_BURST) + 2)]
        assert (looks[0][0], looks[-1][0]) == (200, 429)
        assert int(looks[-1][1][b"retry-after"]) >= 1
        assert (await door.visit("1.1.1.1"))[0] == 200
        assert (await door.visit("2.2.2.2", path))[0] == 200
        here = [await door.visit("127.0.0.1", path) for _ in range(int(WATCH_BURST) + 2)]
        assert {status for status, _ in here} == {200}

    asyncio.run(play())


def test_what_is_done_for_a_request_knows_whose_it_is():
    async def play() -> None:
        door = Door(most=10, each=10)
        door.open.set()
        for host in ("1.1.1.1", "127.0.0.1"):
            await door.visit(host)
        assert door.asked == ["1.1.1.1", HERE]
        assert asking.get() == HERE

    asyncio.run(play())
