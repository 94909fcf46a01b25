from __future__ import annotations

from threading import Event as Flag

import pytest

from tests.makers import Clock, request, until
from wan_demo.jobs.base import Claim
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.jobs.signs import Reaper, Standstill, beating

SECONDS = 60.0


@pytest.fixture
def store() -> MemoryJobStore:
    return MemoryJobStore()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reaper(store, clock) -> Reaper:
    return Reaper(store, lambda *_: None, SECONDS, clock)


def claim(store, worker: str) -> Claim:
    store.add(request(), "ada")
    claimed = store.claim(worker)
    assert claimed is not None
    return claimed


def look(reaper, clock, seconds: float, beats=()) -> list[set[str]]:
    """What the reaper sees every five seconds for so long; ``beats`` are given before each look."""
    seen = []
    for _ in range(int(seconds / 5)):
        clock.now += 5
        for beat in beats:
            beat()
        seen.append(set(reaper.silent()))
    return seen


def test_who_gives_signs_is_never_silent(store, clock, reaper):
    held = claim(store, "w1")
    assert not any(look(reaper, clock, 300, [lambda: store.beat(held)]))


def test_who_gives_none_is_silent_after_the_time_and_not_before(store, clock, reaper):
    claim(store, "w1")
    alive = claim(store, "w2")
    seen = look(reaper, clock, 100, [lambda: store.beat(alive)])
    assert seen[:13] == [set()] * 13
    assert seen[13:] == [{"w1"}] * 7


def test_an_idle_worker_is_not_looked_at(store, clock, reaper):
    held = claim(store, "w1")
    look(reaper, clock, 50)
    store.complete(held, ())
    assert not any(look(reaper, clock, 100))


def test_a_table_that_was_away_makes_nobody_silent(store, clock, reaper):
    held = claim(store, "w1")
    look(reaper, clock, 20)
    clock.now += 600
    assert not any(look(reaper, clock, 50))
    assert not any(look(reaper, clock, 100, [lambda: store.beat(held)]))


def test_what_a_silent_worker_holds_is_given_back(store):
    claim(store, "w1")
    given_back, stopping = [], Flag()
    clock = iter(range(0, 10_000, 20))

    def give_back(*said) -> None:
        given_back.append(said)
        stopping.set()

    reaper = Reaper(store, give_back, SECONDS, lambda: float(next(clock)), pause=0.01)
    reaper.run(stopping)
    assert given_back == [("w1", True)]


def test_a_reaper_outlives_a_table_that_fails(store, caplog):
    fails, stopping = iter([OSError("gone"), ValueError("busy")]), Flag()

    def signs():
        failure = next(fails, None)
        if failure is None:
            stopping.set()
            return {}
        raise failure

    store.signs = signs
    Reaper(store, lambda *_: None, pause=0.01).run(stopping)
    assert caplog.text.count("Reaper.look failed") == 2


def test_a_heart_beats_until_the_work_is_done(store):
    held, checks = claim(store, "w1"), []
    first = store.signs()["w1"]
    with beating(store, held, lambda: checks.append(None), seconds=0.01):
        until(lambda: store.signs()["w1"] != first)
    last = store.signs()["w1"]
    assert checks
    assert store.signs()["w1"] == last


def test_a_table_that_fails_ends_no_work(store, caplog):
    held, failed = claim(store, "w1"), Flag()

    def beat(_claim) -> None:
        failed.set()
        raise OSError("locked")

    store.beat = beat
    with beating(store, held, lambda: None, seconds=0.01):
        assert failed.wait(10)
    assert "no sign of life" in caplog.text


@pytest.fixture
def ended() -> list[str]:
    return []


@pytest.fixture
def standstill(store, clock) -> Standstill:
    return Standstill(store, lambda: None, SECONDS, clock)


def stands(standstill: Standstill, clock: Clock, seconds: int) -> list[bool]:
    found = []
    for _ in range(seconds // 5):
        found.append(standstill.is_idle())
        clock.now += 5
    return found


def test_jobs_that_nobody_takes_show_that_the_worker_stands_still(store, clock, standstill):
    assert not any(stands(standstill, clock, 600))
    store.add(request(), "ada")
    assert stands(standstill, clock, 140).count(True) == 2  # each begins anew


def test_a_worker_at_work_does_not(store, clock, standstill):
    held = claim(store, "w1")
    store.add(request(), "ada")
    assert not any(stands(standstill, clock, 600))
    store.complete(held, ())
    assert not any(stands(standstill, clock, 60))
    claim(store, "w1")
    assert not any(stands(standstill, clock, 600))


def test_a_table_that_was_away_shows_nothing(store, clock, ended):
    store.add(request(), "ada")
    is_there, stopping = iter([True, True, False, True]), Flag()

    def waiting() -> int:
        clock.now += 50
        answers = next(is_there, None)
        if answers is None:
            stopping.set()
        elif not answers:
            raise OSError("gone")
        return 1

    store.waiting = waiting
    Standstill(store, lambda: ended.append("worker"), SECONDS, clock, 0.01).run(stopping)
    assert ended == []


def test_a_worker_that_stands_still_is_ended(store, ended):
    store.add(request(), "ada")
    clock, stopping = iter(range(0, 10_000, 20)), Flag()

    def end() -> None:
        ended.append("worker")
        stopping.set()

    Standstill(store, end, SECONDS, lambda: float(next(clock)), 0.01).run(stopping)
    assert ended == ["worker"]
