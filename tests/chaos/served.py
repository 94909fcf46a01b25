"""Faults of a whole server with its worker: a fault a function, as in ``faults``."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing, suppress
from random import Random

import httpx
import psutil

from tests.chaos.server import Server, expect_gone
from tests.chaos.station import Station, wait
from wan_demo.domain.job import Status


def the_server_is_killed(station: Station, random: Random) -> None:
    server = _at_work(station, random)
    workers = server.kill()
    if random.random() < 0.5:
        expect_gone(workers)
    again = Server(station)
    expect_gone(workers)
    _end(station, again)


def the_servers_worker_is_killed(station: Station, random: Random) -> None:
    server = _at_work(station, random)
    server.worker().kill()
    _end(station, server)


def server_and_worker_are_killed(station: Station, random: Random) -> None:
    server = _at_work(station, random)
    for worker in server.kill():
        with suppress(psutil.NoSuchProcess):
            worker.kill()
    _end(station, Server(station))


def the_server_is_told_to_stop(station: Station, random: Random) -> None:
    """Its job is no loss, and it takes no new one once it was told."""
    server = _at_work(station, random)
    server.stop()
    assert not any(row.status is Status.RUNNING for row in station.rows().values())
    assert {row.losses for row in station.rows().values()} == {0}
    _end(station, Server(station))


def the_servers_folder_is_gone(station: Station, random: Random) -> None:
    """It says that it is not ready, and is again by itself."""
    server = _at_work(station, random)
    root = station.folder.root
    away = root.with_name("away")
    root.rename(away)
    time.sleep(random.uniform(1, 3))
    assert not server.is_ready()
    assert not root.exists(), "somebody made a folder in its place"
    away.rename(root)
    wait(server.is_ready)
    _end(station, server)


def the_servers_table_is_locked_for_half_a_minute(station: Station, random: Random) -> None:
    """Who submits meanwhile is told, or gets a job; the page and its worker outlive it."""
    server = _at_work(station, random)
    with closing(sqlite3.connect(station.folder.database, timeout=60)) as other:
        other.execute("BEGIN EXCLUSIVE")
        end = time.monotonic() + random.uniform(31, 35)
        assert not server.is_ready()
        assert httpx.get(server.address, timeout=60).status_code == 200
        time.sleep(max(0.0, end - time.monotonic()))
    wait(server.is_ready)
    server.call(random, 1)
    _end(station, server)


def the_servers_worker_stands_still(station: Station, random: Random) -> None:
    """After a minute without a sign of life it is replaced."""
    server = _at_work(station, random)
    server.worker().send_signal(signal.SIGSTOP)
    _end(station, server)


def _at_work(station: Station, random: Random) -> Server:
    """A server with jobs, at some moment of these."""
    server = Server(station)
    server.call(random, num_inference_steps=10)
    wait(lambda: any(row.status is Status.RUNNING for row in station.rows().values()))
    time.sleep(random.uniform(0, 2))
    assert not station.is_quiet(), "it was done already"
    return server


def _end(station: Station, server: Server) -> None:
    """Until all is done; then a stop, and what the next start does."""
    wait(station.is_quiet)
    server.stop()
    station.start_over()
