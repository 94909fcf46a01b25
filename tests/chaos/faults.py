"""What goes wrong: a fault a function. Each gets jobs accepted, does its worst at a moment that the
seed chooses, and lets the system come to rest."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence, Set
from contextlib import closing
from dataclasses import dataclass
from random import Random

from tests.chaos import injected, served
from tests.chaos.station import Station, wait
from wan_demo.domain.job import Status

Bring = Callable[[Station, Random], None]


@dataclass(frozen=True)
class Fault:
    """A way to go wrong, and the failures that its jobs may end with."""

    bring: Bring
    failures: Set[str] = frozenset()
    needs_tracing: bool = False

    @property
    def name(self) -> str:
        """As the summary and the seed's line say it."""
        return self.bring.__name__.replace("_", " ")


def the_worker_is_killed(station: Station, random: Random) -> None:
    station.submit(random)
    worker = station.start()
    wait(lambda: _runs(station))
    time.sleep(random.uniform(0, 1))
    _replace(station, worker)
    station.settle()


def the_worker_is_killed_twice(station: Station, random: Random) -> None:
    station.submit(random, 1, num_videos_per_prompt=3)
    for _ in range(2):
        worker = station.start()
        wait(lambda: _runs(station))
        time.sleep(random.uniform(0, 0.3))
        _replace(station, worker)
    station.settle()


def the_worker_is_killed_at_a_call(station: Station, random: Random) -> None:
    """After each write, fsync, rename and commit there is a call that comes next."""
    call, calls = random.choice(list(CALLS_OF_A_WORKER.items()))
    _steady(station, random)
    _work(station, injected.killed_at(call, random.randint(1, calls), station.calls))
    assert station.was_hit, f"{call} was not reached"
    station.settle()


def a_job_kills_its_workers(station: Station, random: Random) -> None:
    """Poison: given up after the third, with the clips that it got to; the next one runs."""
    station.submit(random, 1, num_videos_per_prompt=4, num_inference_steps=10)
    (poison,) = station.rows()
    station.submit(random, 1)
    for _ in range(3):
        worker = station.start()
        wait(lambda: station.rows()[poison].status is Status.RUNNING)
        time.sleep(random.uniform(0, 1.2))
        _replace(station, worker)
    station.settle()


def the_worker_stands_still_and_goes_on_late(station: Station, random: Random) -> None:
    """Its job is another one's by then: nothing that it still does counts."""
    station.submit(random, 1, num_videos_per_prompt=2, num_inference_steps=10)
    frozen = station.start()
    wait(lambda: _runs(station))
    time.sleep(random.uniform(0, 2))
    frozen.send_signal(signal.SIGSTOP)
    station.give_back()
    other = station.start(name="server:other")
    wait(lambda: _runs(station))
    time.sleep(random.uniform(0, 1))
    frozen.send_signal(signal.SIGCONT)
    wait(station.is_quiet)
    time.sleep(random.uniform(1, 3))
    for worker in (frozen, other):
        station.end(worker)
    station.settle()


def the_worker_is_told_to_stop(station: Station, random: Random) -> None:
    """That is no loss, however often."""
    station.submit(random)
    for _ in range(random.randint(1, 2)):
        worker = station.start()
        wait(lambda: _runs(station) or station.is_quiet())
        time.sleep(random.uniform(0, 1))
        worker.send_signal(signal.SIGTERM)
        ended = worker.wait(30)  # by the signal itself where it had not begun to listen
        assert ended in (0, -signal.SIGTERM), f"the worker ended with {ended}"
        station.give_back(is_fault=False)
    assert {row.losses for row in station.rows().values()} == {0}
    station.settle()


def a_cancel_meets_a_kill(station: Station, random: Random) -> None:
    """Stopped or done, and nothing in between; the clips that were made stay."""
    station.submit(random)
    worker = station.start()
    wait(lambda: _runs(station))
    time.sleep(random.uniform(0, 1))
    steps = [station.cancel, lambda: _replace(station, worker)]
    random.shuffle(steps)
    for step in steps:
        step()
        time.sleep(random.uniform(0, 0.5))
    station.settle()


def the_server_is_killed_as_it_accepts(station: Station, random: Random) -> None:
    """Who was given an id has a job; who was not has one, or none, but no half of one.

    How many calls a client makes differs by one or two: the last one may never come, and then one
    before it is hit.
    """
    call, calls = random.choice(list(CALLS_OF_A_CLIENT.items()))
    for number in range(random.randint(1, calls), 0, -1):
        under = injected.killed_at(call, number, station.calls)
        station.submit_elsewhere(random.randrange(10**6), 4, under)
        if station.was_hit:
            break
    assert station.was_hit, f"{call} was not reached"
    station.settle()


def the_disk_is_full_for_videos(station: Station, random: Random) -> None:
    """For a while, from one write on: the job says so, and no part of a video is ever served."""
    _steady(station, random)
    first = random.randint(1, CALLS_OF_A_WORKER["write"])
    _refuse(station, "write", "ENOSPC", first, first + random.randint(0, 20))


def the_disk_is_full_for_the_table(station: Station, random: Random) -> None:
    _steady(station, random)
    first = random.randint(1, CALLS_OF_A_WORKER["table's write"])
    _refuse(station, "table's write", "ENOSPC", first, first + random.randint(0, 20))


def the_disk_is_full_as_it_accepts(station: Station, random: Random) -> None:
    """Refused in a sentence, before anything is promised."""
    call, calls = random.choice([("copy", 1), ("table's write", 30)])
    first = random.randint(1, calls)
    under = injected.refused_at(call, "ENOSPC", first, first + 100, station.calls)
    ended = station.submit_elsewhere(random.randrange(10**6), 3, under)
    assert ended == 0, f"the client ended with {ended}:\n{station.log[-3000:]}"
    assert station.was_hit, f"{call} was not reached"
    assert set(station.refused) <= {"storage_full", "storage_away"}
    station.settle()


def the_disk_fails_to_sync(station: Station, random: Random) -> None:
    _steady(station, random)
    call = random.choice(["fsync", "commit"])
    _refuse(station, call, "EIO", first := random.randint(1, 17), first)


def the_table_is_locked(station: Station, random: Random) -> None:
    _lock(station, random, random.uniform(1, 4))


def the_table_is_locked_for_half_a_minute(station: Station, random: Random) -> None:
    _lock(station, random, random.uniform(31, 34))


def the_folder_is_gone(station: Station, random: Random) -> None:
    _move_away(station, random, random.uniform(0.5, 3))


def the_folder_is_gone_for_half_a_minute(station: Station, random: Random) -> None:
    _move_away(station, random, random.uniform(30, 32))


def the_table_is_gone(station: Station, random: Random) -> None:
    """Its file alone: nobody may put an empty one in its place."""
    station.submit(random)
    worker = station.start()
    wait(lambda: _runs(station))
    time.sleep(random.uniform(0, 1))
    database = station.folder.database
    away = database.with_name("away")
    database.rename(away)
    time.sleep(random.uniform(0.5, 3))
    assert not database.exists(), "somebody made an empty table"
    away.rename(database)
    _go_on(station, worker)


def _lock(station: Station, random: Random, seconds: float) -> None:
    """By another process' transaction; a worker goes on, or it is replaced."""
    station.submit(random)
    worker = station.start()
    wait(lambda: _runs(station))
    time.sleep(random.uniform(0, 1))
    with closing(sqlite3.connect(station.folder.database, timeout=60)) as other:
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)
    _go_on(station, worker)


def _move_away(station: Station, random: Random, seconds: float) -> None:
    station.submit(random)
    worker = station.start()
    wait(lambda: _runs(station))
    time.sleep(random.uniform(0, 1))
    root = station.folder.root
    away = root.with_name("away")
    root.rename(away)
    time.sleep(seconds)
    assert not root.exists(), "somebody made a folder in its place"
    away.rename(root)
    _go_on(station, worker)


def _steady(station: Station, random: Random) -> None:
    """Jobs that always take as many calls."""
    station.submit(random, num_videos_per_prompt=2, num_inference_steps=2)


def _go_on(station: Station, worker: subprocess.Popen[bytes]) -> None:
    """A worker outlives what passes."""
    wait(lambda: station.is_quiet() or worker.poll() is not None)
    assert worker.poll() is None, f"the worker ended with {worker.poll()}:\n{station.log[-3000:]}"
    _replace(station, worker)
    station.settle()


def _refuse(station: Station, call: str, error: str, first: int, last: int) -> None:
    """A worker whose calls are refused for a while."""
    _work(station, injected.refused_at(call, error, first, last, station.calls))
    assert station.was_hit, f"{call} was not reached"
    station.settle()


def _work(station: Station, under: Sequence[str]) -> None:
    """A worker with a fault of its own, until the jobs or it have ended."""
    worker = station.start(under)
    wait(lambda: station.is_quiet() or worker.poll() is not None)
    _replace(station, worker)


def _replace(station: Station, worker: subprocess.Popen[bytes]) -> None:
    station.end(worker)
    station.give_back()


def _runs(station: Station) -> bool:
    return any(row.status is not Status.WAITING for row in station.rows().values())


CALLS_OF_A_WORKER = {
    "write": 28,
    "table's write": 52,
    "fsync": 24,
    "commit": 17,
    "rename": 12,
    "unlink": 12,
}
"""How many calls of each kind the worker makes for ``_steady``'s jobs."""

CALLS_OF_A_CLIENT = {"write": 9, "table's write": 40, "fsync": 2, "commit": 5, "rename": 1}
"""And a client for four of its jobs."""

FULL = frozenset({"storage_full"})
FAULTS = (
    Fault(the_worker_is_killed),
    Fault(the_worker_is_killed_at_a_call, needs_tracing=True),
    Fault(the_server_is_killed_as_it_accepts, needs_tracing=True),
    Fault(the_worker_is_killed_twice),
    Fault(a_job_kills_its_workers, frozenset({"worker_lost"})),
    Fault(the_worker_stands_still_and_goes_on_late),
    Fault(the_worker_is_told_to_stop),
    Fault(a_cancel_meets_a_kill, frozenset({"cancelled"})),
    Fault(the_disk_is_full_for_videos, FULL, needs_tracing=True),
    Fault(the_disk_is_full_for_the_table, needs_tracing=True),
    Fault(the_disk_is_full_as_it_accepts, needs_tracing=True),
    Fault(the_disk_fails_to_sync, needs_tracing=True),
    Fault(the_table_is_locked),
    Fault(the_folder_is_gone),
    Fault(the_table_is_gone),
)
"""A round each in turn."""

SLOW_FAULTS = (
    Fault(served.the_server_is_killed),
    Fault(served.the_servers_worker_is_killed),
    Fault(served.server_and_worker_are_killed),
    Fault(served.the_server_is_told_to_stop),
    Fault(the_table_is_locked_for_half_a_minute),
    Fault(the_folder_is_gone_for_half_a_minute),
    Fault(served.the_servers_folder_is_gone),
    Fault(served.the_servers_table_is_locked_for_half_a_minute),
    Fault(served.the_servers_worker_stands_still),
)
"""Two of these come up in each turn: their rounds take up to two minutes."""

TURN = len(FAULTS) + 2


def fault_of(seed: int) -> Fault:
    """The fault of a seed."""
    turn, place = divmod(seed, TURN)
    if place < len(FAULTS):
        return FAULTS[place]
    return SLOW_FAULTS[(2 * turn + place - len(FAULTS)) % len(SLOW_FAULTS)]
