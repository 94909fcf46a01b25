from __future__ import annotations

import asyncio
import threading
from collections.abc import Set

import pytest

from wan_demo.ui.ends import Ends


class Table:
    """Which jobs are open, and how often that was asked, by which threads."""

    def __init__(self, *open_: str) -> None:
        self.jobs = set(open_)
        self.asked = 0
        self.threads: set[int] = set()
        self.fails = 0

    def open(self) -> Set[str]:
        self.asked += 1
        self.threads.add(threading.get_ident())
        if self.fails:
            self.fails -= 1
            raise OSError("the database is gone")
        return set(self.jobs)


def test_a_thousand_calls_are_one_question_and_hold_no_thread():
    table = Table(*map(str, range(1000)))

    async def main() -> None:
        before = threading.active_count()
        ends = Ends(table.open, seconds=0.01)
        waits = [asyncio.create_task(ends.wait(str(index))) for index in range(1000)]
        while table.asked < 3:
            await asyncio.sleep(0.01)
        assert threading.active_count() <= before + 1
        assert not any(wait.done() for wait in waits)
        table.jobs.clear()
        asked = table.asked
        await asyncio.gather(*waits)
        assert table.asked <= asked + 2

    asyncio.run(main())
    assert threading.get_ident() not in table.threads


def test_each_wakes_for_its_own_job_and_two_may_wait_for_one():
    table = Table("a", "b")

    async def main() -> None:
        ends = Ends(table.open, seconds=0.01)
        first, second = (asyncio.create_task(ends.wait("a")) for _ in range(2))
        other = asyncio.create_task(ends.wait("b"))
        await asyncio.sleep(0.05)
        table.jobs.remove("a")
        await asyncio.gather(first, second)
        assert not other.done()
        table.jobs.clear()
        await other

    asyncio.run(main())


def test_a_cancelled_call_leaves_nothing_and_the_looks_end_with_the_last_one():
    table = Table("a", "b")

    async def main() -> None:
        ends = Ends(table.open, seconds=0.01)
        waits = [asyncio.create_task(ends.wait(name)) for name in ("a", "a", "b")]
        await asyncio.sleep(0.05)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        assert ends._waiting == {}
        assert ends._watch is not None
        await ends._watch
        asked = table.asked
        await asyncio.sleep(0.05)
        assert table.asked == asked
        table.jobs.remove("a")
        await ends.wait("a")  # and they begin again

    asyncio.run(main())


def test_a_database_that_is_away_ends_no_call(caplog: pytest.LogCaptureFixture):
    table = Table("a")
    table.fails = 3

    async def main() -> None:
        ends = Ends(table.open, seconds=0.01)
        wait = asyncio.create_task(ends.wait("a"))
        while table.fails:
            await asyncio.sleep(0.01)
        assert not wait.done()
        table.jobs.clear()
        await wait

    asyncio.run(main())
    assert "could not be asked" in caplog.text
