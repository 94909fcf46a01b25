"""A blocking call that reports through a callback, turned into an iterator of events."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextvars import copy_context
from queue import SimpleQueue
from threading import Event as Flag
from threading import Thread

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


def stream(call: Callable[[Emit], None]) -> Generator[Event, None, None]:
    """Run ``call(emit)`` in a thread and yield what it emits; its exception is raised here.

    Closing the generator makes the next ``emit`` raise Closed and waits for the call to end, so
    that the next call never overlaps with it.
    """
    events: SimpleQueue[Event | BaseException | None] = SimpleQueue()
    closed = Flag()

    def run() -> None:
        try:
            call(Emit(events.put, closed))
        except BaseException as error:
            events.put(error)
        else:
            events.put(None)

    thread = Thread(target=copy_context().run, args=(run,), name="generation", daemon=True)
    thread.start()
    try:
        while (event := events.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        closed.set()
        thread.join()
