"""How much is fetched for whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from wan_demo.domain.rates import HERE
from wan_demo.errors import TooManyFiles
from wan_demo.media import room
from wan_demo.ui import fetching
from wan_demo.ui.fetching import Fetches


class Slow:
    """Fetches files of a thousand bytes, once it is let."""

    def __init__(self) -> None:
        self.let = anyio.Event()
        self.under_way = 0
        self.fetched = 0

    async def fetch(
        self, _field: str, _address: str, _target: Path, count: Callable[[int], None]
    ) -> None:
        self.under_way += 1
        await self.let.wait()
        count(1000)
        self.fetched += 1


async def want(fetches: Fetches, slow: Any, askers: Sequence[str]) -> list[str]:
    """All want a file at once, which come once all have asked; those who were refused."""
    refused: list[str] = []

    async def one(asker: str) -> None:
        try:
            await fetches.by(slow, asker)("image", "https://a.example/", Path("file"))
        except TooManyFiles:
            refused.append(asker)

    async with anyio.create_task_group() as tasks:
        for asker in askers:
            tasks.start_soon(one, asker)
        await anyio.wait_all_tasks_blocked()
        slow.let.set()
    return refused


def test_an_address_has_so_many_fetched_at_once_and_this_machine_all(monkeypatch):
    monkeypatch.setattr(fetching, "EACH", 2)

    async def play() -> None:
        fetches, slow = Fetches(), Slow()
        assert await want(fetches, slow, ["a", "a", "a", "b", *[HERE] * 5]) == ["a"]
        assert slow.fetched == 8
        assert await want(fetches, slow, ["a", "a"]) == []
        assert not fetches._wanted

    anyio.run(play)


def test_an_address_has_so_many_fetched_in_a_minute(monkeypatch):
    monkeypatch.setattr(fetching, "PER_MINUTE", 3)

    async def play() -> None:
        fetches, slow = Fetches(), Slow()
        for _ in range(3):
            assert await want(fetches, slow, ["a"]) == []
        assert await want(fetches, slow, ["a", "b"]) == ["a"]

    anyio.run(play)


def test_an_address_has_so_many_bytes_fetched(monkeypatch):
    monkeypatch.setattr(room, "EACH_BYTES", 2500)

    async def play() -> None:
        fetches, slow = Fetches(), Slow()
        assert await want(fetches, slow, ["a", "a", "b"]) == []
        assert await want(fetches, slow, ["a", "b", HERE, HERE, HERE]) == ["a"]

    anyio.run(play)


def test_nobody_waits_for_a_place_without_end(monkeypatch):
    monkeypatch.setattr(fetching, "AT_ONCE", 1)
    monkeypatch.setattr(fetching, "WAIT_SECONDS", 0.01)

    async def play() -> None:
        fetches, slow = Fetches(), Slow()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fetches.by(slow, "a"), "image", "", Path("file"))  # pyright: ignore
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(TooManyFiles):
                await fetches.by(slow, "b")("image", "", Path("file"))  # pyright: ignore
            slow.let.set()
        assert await want(fetches, slow, ["b"]) == []

    anyio.run(play)


def test_who_leaves_leaves_nothing_behind():
    async def play() -> None:
        fetches, slow = Fetches(), Slow()
        with suppress(TimeoutError), anyio.fail_after(0.01):
            await fetches.by(slow, "a")("image", "", Path("file"))  # pyright: ignore
        assert slow.under_way == 1
        assert not fetches._wanted
        assert fetches._places.borrowed_tokens == 0

    anyio.run(play)
