"""Many ask, one looks."""

from __future__ import annotations

import asyncio
from threading import Event

from anyio.to_thread import run_sync

from tests.makers import Clock
from wan_demo.api.lately import Lately


def test_a_look_is_for_all_who_ask_until_it_is_old():
    clock, looks = Clock(), []

    def look() -> int:
        looks.append(clock.now)
        return len(looks)

    lately = Lately(look, 1.0, clock)

    async def ask() -> list[int]:
        return await asyncio.gather(*(lately.see() for _ in range(20)))

    assert {*asyncio.run(ask())} == {1}
    clock.now += 0.9
    assert {*asyncio.run(ask())} == {1}
    clock.now += 0.1
    assert {*asyncio.run(ask())} == {2}


def test_whoever_waits_for_a_look_takes_no_thread_from_others():
    """Sixty who wait would hold all forty threads that routes share."""
    let = Event()
    lately = Lately(lambda: let.wait(30))

    async def play() -> None:
        asking = [asyncio.create_task(lately.see()) for _ in range(60)]
        await asyncio.sleep(0)
        await run_sync(let.set)
        assert all(await asyncio.gather(*asking))

    asyncio.run(play())
