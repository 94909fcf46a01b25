from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from threading import Event as Flag
from threading import current_thread, enumerate

import pytest

from tests.makers import until
from wan_demo.domain.events import Decoding, Loading, Step
from wan_demo.engine.stream import Closed, Emit, stream

STEPS = [Step(index, 5) for index in range(1, 6)]


def emit_all(steps: list[Step]) -> Callable[[Emit], None]:
    def call(emit: Emit) -> None:
        for step in steps:
            emit(step)

    return call


def test_events_come_in_order_and_then_it_ends():
    assert list(stream(emit_all(STEPS))) == STEPS


def test_an_event_is_there_as_soon_as_it_is_emitted():
    go_on = Flag()

    def call(emit) -> None:
        emit(Loading("m"))
        assert go_on.wait(60)
        emit(Decoding())

    events = stream(call)
    assert next(events) == Loading("m")
    go_on.set()
    assert list(events) == [Decoding()]


def test_an_exception_passes_through_after_the_events_before_it():
    def call(emit) -> None:
        emit(STEPS[0])
        raise LookupError("why")

    events = stream(call)
    assert next(events) == STEPS[0]
    with pytest.raises(LookupError, match="why"):
        next(events)


def test_closing_stops_at_the_next_emit_and_waits_for_the_call():
    reached: list[object] = []

    def call(emit) -> None:
        try:
            for step in STEPS * 10_000:
                emit(step)
                time.sleep(0.001)
        except Closed:
            time.sleep(0.05)
            reached.append("closed")
            raise

    events = stream(call)
    next(events)
    events.close()
    assert reached == ["closed"]
    assert not [thread for thread in enumerate() if thread.name == "generation"]


def test_an_unfinished_stream_that_is_dropped_ends_too():
    next(stream(emit_all(STEPS * 1000)))
    until(lambda: not [thread for thread in enumerate() if thread.name == "generation"])


def test_a_call_that_never_began_is_not_run():
    ran = Flag()
    stream(lambda _emit: ran.set()).close()
    assert not ran.is_set()


def test_the_call_sees_the_callers_context_in_a_thread_of_its_own():
    user: ContextVar[str] = ContextVar("user")
    user.set("ada")
    seen: list[object] = []

    def call(_emit) -> None:
        seen.extend([user.get(), current_thread().name])

    assert list(stream(call)) == []
    assert seen == ["ada", "generation"]
