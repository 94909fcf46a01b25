"""One look for everybody who asks at about the same time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from anyio import CapacityLimiter, Lock
from anyio.to_thread import run_sync

SECONDS = 1.0

Seen = TypeVar("Seen")


class Lately(Generic[Seen]):
    """What ``look`` saw, a second ago at most. It has one thread of its own, and no other: however
    many ask, and however long a look takes, the page's own threads are not waited for by it.
    """

    def __init__(
        self,
        look: Callable[[], Seen],
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._thread = CapacityLimiter(1)
        self._last: tuple[float, Seen] | None = None

    async def see(self) -> Seen:
        """The last look, or a new one; who asks meanwhile gets it too."""
        async with self._lock:
            if self._last is None or self._clock() - self._last[0] >= self._seconds:
                seen = await run_sync(self._look, limiter=self._thread)
                self._last = self._clock(), seen
            return self._last[1]
