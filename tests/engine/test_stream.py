from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Generator
from contextvars import ContextVar
from threading import Event as Flag
from threading import current_thread, enumerate
from weakref import ref

import pytest

from tests.makers import until
from wan_demo.domain.events import Decoding, Event, Loading, Step
from wan_demo.engine.stream import Closed, Emit, Lane

NAME = "calls"

fork = multiprocessing.get_context("fork")

STEPS = [Step(index, 5) for index in range(1, 6)]


def stream(call: Callable[[Emit], None]) -> Generator[Event, None, None]:
    return Lane(NAME).stream(call)


def has_thread(name: str) -> bool:
    """A name for each test: the traceback of another one's failure may still hold its lane."""
    return name in {thread.name for thread in enumerate()}


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


def test_calls_run_one_after_another_in_one_thread_that_keeps_nothing_of_them():
    lane, seen, held = Lane(NAME), [], []

    class Medium:
        """Something large that a call holds."""

    def call(medium: Medium) -> Callable[[Emit], None]:
        held.append(ref(medium))
        return lambda _emit: seen.append((current_thread(), medium is not None))

    for _ in range(3):
        assert list(lane.stream(call(Medium()))) == []
    assert len(set(seen)) == 1
    until(lambda: not [one for one in held if one() is not None])


def test_a_lane_whose_call_failed_takes_the_next_one():
    lane = Lane(NAME)

    def fail(_emit: Emit) -> None:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        list(lane.stream(fail))
    assert list(lane.stream(emit_all(STEPS))) == STEPS


def test_a_lane_that_nobody_holds_ends_its_thread():
    lane = Lane("held")
    assert list(lane.stream(emit_all(STEPS))) == STEPS
    assert has_thread("held")
    del lane
    until(lambda: not has_thread("held"))


def test_an_unfinished_stream_that_is_dropped_ends_too():
    next(Lane("dropped").stream(emit_all(STEPS * 1000)))
    until(lambda: not has_thread("dropped"))


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
    assert seen == ["ada", NAME]


def test_a_lane_goes_on_in_a_fork():
    """ZeroGPU lends its GPU to forks, which have none of the threads that were there before."""
    lane = Lane("forked")
    list(lane.stream(emit_all(STEPS)))
    answers = fork.SimpleQueue()
    child = fork.Process(target=lambda: answers.put(list(lane.stream(emit_all(STEPS)))))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert answers.get() == STEPS
