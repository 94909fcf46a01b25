"""How slowly a request's body may come: who sends a byte now and then holds what others need."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from starlette.types import Message, Receive

TOO_SLOW = 408


class Pace:
    """``seconds`` for a body, and one more for each ``per_second`` bytes that came of it.

    The clock runs from the first look at it. A body that is too slow is a TimeoutError.
    """

    def __init__(
        self,
        receive: Receive,
        seconds: float,
        per_second: float,
        stall: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``stall`` is how long there may be no byte at all; by default as long as is left."""
        self._receive = receive
        self._seconds = seconds
        self._per_second = per_second
        self._stall = stall
        self._clock = clock
        self._began: float | None = None
        self._is_whole = False
        self.had = 0

    async def receive(self) -> Message:
        """The next piece; once the body is whole, whatever comes and whenever."""
        if self._is_whole:
            return await self._receive()
        async with asyncio.timeout(self._left()):  # what is there already comes without a wait
            message = await self._receive()
        self.had += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        return message

    def _left(self) -> float:
        now = self._clock()
        if self._began is None:
            self._began = now
        left = self._began + self._seconds + self.had / self._per_second - now
        return left if self._stall is None else min(left, self._stall)
