"""A download as a part of a run: its bytes become events, and the run's end is its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from wan_demo.domain.events import Downloading
from wan_demo.engine.stream import Closed, Emit
from wan_demo.errors import DownloadStopped

SILENCE_SECONDS = 1.0


class Fetching:
    """What a download is given.

    Who listens can stop a run only when there is something to hear, and a hub that is gone is
    asked for minutes: while nothing arrives, what has arrived is told again.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._latest = Downloading(0, 0)
        self._told = time.monotonic()

    def on_bytes(self, done: int, total: int) -> None:
        """The bytes that are here, and all bytes."""
        self._latest = Downloading(done, total)
        self._tell()

    def stopped(self) -> bool:
        """Whether nobody waits for it any more; asked now and then."""
        if time.monotonic() - self._told >= SILENCE_SECONDS:
            self._tell()
        return self._emit.is_closed()

    def _tell(self) -> None:
        self._told = time.monotonic()
        self._emit(self._latest)


@contextmanager
def fetching(emit: Emit) -> Iterator[Fetching]:
    """A download that was stopped closes the run."""
    try:
        yield Fetching(emit)
    except DownloadStopped as stopped:
        raise Closed from stopped
