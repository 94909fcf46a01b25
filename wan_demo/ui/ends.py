"""Calls that wait for their job's end: one look at the table for all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Set

from anyio import to_thread

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.3


class Ends:
    """Wakes whoever waits for a job once it has ended. Nobody holds a thread meanwhile.

    ``open`` tells the ids of all jobs that have not ended; it is asked from a thread, once a
    while for everybody, and only while somebody waits. All waiters share one event loop.
    """

    def __init__(self, open: Callable[[], Set[str]], seconds: float = LOOK_SECONDS) -> None:
        self._open = open
        self._seconds = seconds
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._watch: asyncio.Task[None] | None = None

    async def wait(self, job_id: str) -> None:
        """Returns once the job has ended; a waiter that is cancelled leaves nothing behind."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, set()).add(future)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look_on())
        try:
            await future
        finally:
            self._leave(job_id, future)

    def _leave(self, job_id: str, future: asyncio.Future[None]) -> None:
        futures = self._waiting.get(job_id, set())
        futures.discard(future)
        if not futures:
            self._waiting.pop(job_id, None)

    async def _look_on(self) -> None:
        """Until nobody waits. A database that is away for a while ends no call."""
        while self._waiting:
            await asyncio.sleep(self._seconds)
            asked = set(self._waiting)  # who comes during the look is not in its answer
            try:
                ended = asked - await to_thread.run_sync(self._open)
            except Exception:
                log.warning("the table could not be asked which jobs have ended", exc_info=True)
                continue
            for future in [each for job_id in ended for each in self._waiting.get(job_id, ())]:
                if not future.done():
                    future.set_result(None)
