"""How many connections there may be, and for how long one may be silent.

Each costs the system a file, and uvicorn waits for a request for ever: some thousand connections of
one visitor that never say a word would keep everybody else out, and fill the log with as many
complaints as the disk has room for.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

SILENT_SECONDS = 30.0
"""For a request's first line and headers, from when the connection is there for it."""

MOST = 5000
"""Each takes some kilobytes."""

WANTED_FILES = 10_240
"""What macOS gives a process at most; Linux has 1,024 of a million until somebody asks."""


def most_connections() -> int:
    """How many there may be here, after asking the system for files enough; half of them is
    left to what is read and written."""
    try:
        import resource
    except ImportError:  # Windows counts no files
        return MOST
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if most == resource.RLIM_INFINITY else min(WANTED_FILES, most)
    with suppress(OSError, ValueError):
        if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return min(MOST, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class Connection(H11Protocol):
    """One that is closed where no request comes. Where there are too many the one that has been
    silent longest makes room for the next: whoever comes with a request asks at once."""

    most = MOST
    seconds = SILENT_SECONDS
    _silence: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, and wait for its request."""
        has_room = len(self.connections) < self.most or self._make_room()
        super().connection_made(transport)
        self._watch()
        if not has_room:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Part of a request, perhaps its last."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._watch()

    def _watch(self) -> None:
        """Have a clock run while there is no whole head of a request; parts don't stop it."""
        is_silent = self in self.connections and (
            self.cycle is None or self.cycle.response_complete
        )
        if is_silent and self._silence is None:
            self._silence = self.loop.call_later(self.seconds, self.transport.abort)
        elif not is_silent and self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _make_room(self) -> bool:
        """Close one that is silent; whether there was any."""
        clocks: dict[Any, float] = {
            each: each._silence.when()
            for each in self.connections
            if isinstance(each, Connection) and each._silence and not each.transport.is_closing()
        }
        if clocks:
            min(clocks, key=clocks.__getitem__).transport.abort()
        return bool(clocks)
