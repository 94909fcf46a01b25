"""A blocking call that reports through a callback, turned into an iterator of events."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from threading import Event as Flag
from threading import Thread
from weakref import finalize

from wan_demo.domain.events import Event


class Closed(Exception):
    """Raised by ``emit`` inside the call once nobody listens any more."""


class Emit:
    """Hands events to the listener; raises Closed once there is none."""

    def __init__(self, put: Callable[[Event], None], closed: Flag) -> None:
        self._put = put
        self._closed = closed

    def __call__(self, event: Event) -> None:
        if self.is_closed():
            raise Closed
        self._put(event)

    def is_closed(self) -> bool:
        """Whether nobody listens any more: for waits in which nothing is emitted."""
        return self._closed.is_set()


class Lane:
    """One thread, in which calls run one after another; it ends once nobody holds the lane.

    A thread for each call would cost memory with each: it takes over one of glibc's arenas
    (malloc(3), ``M_ARENA_MAX``), not always the same, and each of them keeps what a call needed
    at most; OpenMP makes it a team of threads, which take arenas too.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._calls: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        Thread(target=_run_all, args=(self._calls,), name=self._name, daemon=True).start()
        finalize(self, self._calls.put, None)

    def stream(self, call: Callable[[Emit], None]) -> Generator[Event, None, None]:
        """Run ``call(emit)`` in the thread and yield what it emits; its exception is raised here.

        Closing the generator makes the next ``emit`` raise Closed and waits for the call to end,
        so that the next call never overlaps with it.
        """
        if self._process != os.getpid():  # a fork has none of its parent's threads
            self._begin()
        events: SimpleQueue[Event | BaseException | None] = SimpleQueue()
        closed, ended = Flag(), Flag()

        def run() -> None:
            try:
                call(Emit(events.put, closed))
            except BaseException as error:
                events.put(error)
            else:
                events.put(None)
            finally:
                ended.set()

        self._calls.put(partial(copy_context().run, run))
        try:
            while (event := events.get()) is not None:
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            closed.set()
            ended.wait()


def _run_all(calls: SimpleQueue[Callable[[], object] | None]) -> None:
    while (call := calls.get()) is not None:
        call()
        del call  # else what it holds, a medium's frames too, would wait for the next one
