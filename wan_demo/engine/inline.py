"""A worker in a thread of this process: for one-off runs and tests."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Flag
from threading import Thread

Work = Callable[[Flag], None]
"""Runs jobs until the flag is set."""


class InlineExecutor:
    """An Executor over one thread."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._stopping = Flag()
        self._thread: Thread | None = None

    def start(self) -> None:
        self._thread = Thread(target=self._work, args=(self._stopping,), daemon=True)
        self._thread.start()

    def stop(self, grace_seconds: float = 10.0) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(grace_seconds)

    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()
