"""What only the executor over a child process does."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
import sqlalchemy as sa

from tests.makers import request, until
from wan_demo.domain.job import Failure, Job, Status
from wan_demo.engine import process as module
from wan_demo.engine.process import GROUP, ProcessExecutor
from wan_demo.jobs.signs import BEAT_SECONDS, Reaper
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.jobs.table import jobs

ROOT = Path(__file__).resolve().parents[2]
LOST = Failure(code="worker_lost", message="lost")
WAIT = [sys.executable, "-c", "import sys; sys.stdin.read()"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def lost() -> list[str]:
    return []


@pytest.fixture
def faults() -> list[bool]:
    return []


@pytest.fixture
def on_lost(lost, faults):
    def note(name: str, is_fault: bool) -> None:
        lost.append(name)
        faults.append(is_fault)

    return note


@pytest.fixture
def executor(on_lost):
    made = ProcessExecutor(WAIT, on_lost)
    yield made
    made.stop(5)


def test_a_killed_worker_is_replaced_and_its_name_told(executor, lost):
    executor.start()
    first = until(lambda: executor.pid)
    os.kill(first, signal.SIGKILL)
    until(lambda: lost and executor.is_alive() and executor.pid != first)
    assert len(lost) == 1
    os.kill(executor.pid, signal.SIGKILL)
    until(lambda: len(lost) == 2)
    assert lost[0] != lost[1]


def test_a_kill_is_a_fault_and_a_stop_is_none(executor, faults):
    executor.start()
    os.kill(until(lambda: executor.pid), signal.SIGKILL)
    until(lambda: faults and executor.is_alive())
    executor.stop(5)
    assert faults == [True, False]


def test_a_worker_is_killed_by_its_name_even_if_it_can_answer_nothing(executor, lost):
    executor.start()
    first = until(lambda: executor.pid)
    os.kill(first, signal.SIGSTOP)
    executor.kill("another")
    assert is_running(first)
    executor.kill(executor._name)
    until(lambda: lost and executor.is_alive() and executor.pid != first)
    assert not is_running(first)


def test_each_worker_is_given_its_name(lost, on_lost, tmp_path):
    note = tmp_path / "name"
    code = f"import sys; open({str(note)!r}, 'w').write(sys.argv[1]); sys.stdin.read()"
    executor = ProcessExecutor([sys.executable, "-c", code], on_lost)
    executor.start()
    name = until(lambda: note.exists() and note.read_text())
    executor.stop(5)
    assert lost == [name]
    assert name.startswith(f"{GROUP}:")


_NOTE_ITS_END = """
import pathlib, signal, sys, time
note = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: note.write_text("signal"))
note.write_text("up")
sys.stdin.read()
time.sleep(0.5)
note.write_text(note.read_text() + ", done")
"""


def test_a_worker_is_asked_by_its_standard_input_before_any_signal(tmp_path):
    note = tmp_path / "note"
    executor = ProcessExecutor([sys.executable, "-c", _NOTE_ITS_END, str(note)], lambda *_: None)
    executor.start()
    until(lambda: note.exists() and note.read_text() == "up")
    executor.stop(30)
    assert note.read_text() == "up, done"


def test_an_ended_workers_pipe_is_closed(executor, lost):
    executor.start()
    until(executor.is_alive)
    first = executor._process
    first.kill()
    until(lambda: lost)
    assert first.stdin.closed


def test_a_worker_that_ignores_the_end_is_killed():
    code = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('up', flush=True)\nwhile True: signal.pause()"
    )
    executor = ProcessExecutor([sys.executable, "-c", code], lambda *_: None)
    executor.start()
    pid = until(lambda: executor.pid)
    executor.stop(0.2)
    assert not is_running(pid)


def test_a_stopped_executor_starts_no_other_worker(executor, lost):
    executor.start()
    until(executor.is_alive)
    executor.stop(5)
    assert len(lost) == 1
    assert not executor.is_alive()


def test_a_worker_that_cannot_start_is_tried_again(tmp_path, on_lost):
    script = tmp_path / "worker"
    executor = ProcessExecutor([str(script)], on_lost)
    executor.start()
    time.sleep(0.2)
    assert not executor.is_alive()
    script.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import sys; sys.stdin.read()'\n")
    script.chmod(0o755)
    until(executor.is_alive)
    executor.stop(5)


def test_a_busy_table_does_not_end_the_watch(monkeypatch):
    monkeypatch.setattr(module, "MAX_PAUSE_SECONDS", 0.1)
    told: list[str] = []

    def busy_once(name: str, _is_fault: bool) -> None:
        told.append(name)
        if len(told) == 1:
            raise OSError("database is locked")

    executor = ProcessExecutor(WAIT, busy_once)
    executor.start()
    os.kill(until(lambda: executor.pid), signal.SIGKILL)
    until(lambda: len(told) >= 2 and executor.is_alive())
    executor.stop(5)
    assert told[0] == told[1]


_SERVER = """
import sys, time
from wan_demo.engine.process import ProcessExecutor
executor = ProcessExecutor(sys.argv[1:], lambda *_: None)
executor.start()
while executor.pid is None:
    time.sleep(0.01)
print(executor.pid, flush=True)
time.sleep(600)
"""


def worker_command(data: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "wan_demo", "worker"),
        *("--engine", "fake", "--data-dir", str(data), "--supervised", "--name"),
    ]


def test_a_real_worker_ends_when_its_server_is_killed(folder):
    connect(sqlite_url(folder.database)).dispose()
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER, *worker_command(folder.root)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        assert is_running(pid)
        server.kill()
    until(lambda: not is_running(pid))


def test_a_real_workers_job_survives_its_kill(folder):
    store = SqlJobStore(connect(sqlite_url(folder.database)))
    gave_back: list[Job] = []
    executor = ProcessExecutor(
        worker_command(folder.root),
        lambda name, is_fault: gave_back.extend(store.requeue(name, 3, LOST, is_fault)),
    )
    job = store.add(request(num_inference_steps=8), "ada")

    def is_now(status: Status, attempt: int) -> bool:
        found = store.get(job.id)
        return found is not None and (found.status, found.attempt) == (status, attempt)

    executor.start()
    try:
        until(lambda: is_now(Status.RUNNING, 1))
        os.kill(until(lambda: executor.pid), signal.SIGKILL)
        until(lambda: is_now(Status.COMPLETED, 2))
    finally:
        executor.stop(5)
    (output,) = store.list("ada")[0].outputs
    assert [path.name for path in folder.videos.glob("*.mp4")] == [output.file]


def test_a_real_workers_job_survives_its_standstill(folder):
    """A worker that stands still, as on a machine that swaps: no exit, and no sign of life."""
    store = SqlJobStore(connect(sqlite_url(folder.database)))

    def give_back(name: str, is_fault: bool) -> None:
        store.requeue(name, 3, LOST, is_fault)

    executor = ProcessExecutor(worker_command(folder.root), give_back)

    def give_up(name: str, is_fault: bool) -> None:
        executor.kill(name)
        give_back(name, is_fault)

    stopping = Flag()
    reaper = Thread(target=Reaper(store, give_up, 2 * BEAT_SECONDS, pause=0.5).run, args=[stopping])
    job = store.add(request(num_inference_steps=8), "ada")

    def is_now(status: Status, attempt: int) -> bool:
        found = store.get(job.id)
        return found is not None and (found.status, found.attempt) == (status, attempt)

    executor.start()
    reaper.start()
    try:
        until(lambda: is_now(Status.RUNNING, 1))
        os.kill(until(lambda: executor.pid), signal.SIGSTOP)
        until(lambda: is_now(Status.COMPLETED, 2), 180)
    finally:
        stopping.set()
        executor.stop(5)
        reaper.join()
    assert len(list(folder.videos.glob("*.mp4"))) == 1


def test_a_worker_that_nobody_supervises_works_on_and_gives_its_job_back(folder):
    table = connect(sqlite_url(folder.database))
    store = SqlJobStore(table)
    job = store.add(request(num_inference_steps=50), "ada")
    command = [part for part in worker_command(folder.root)[:-1] if part != "--supervised"]
    worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=ROOT)

    def status() -> Status:
        found = store.get(job.id)
        assert found is not None
        return found.status

    try:
        until(lambda: status() is Status.RUNNING)
        with table.connect() as connection:
            name = connection.execute(sa.select(jobs.c.worker)).scalar_one()
        assert re.fullmatch(rf"{re.escape(socket.gethostname())}-[0-9a-f]{{8}}", name)
        assert list(store.requeue(GROUP, 3, LOST, is_fault=True)) == []
        worker.send_signal(signal.SIGINT)
        assert worker.wait(30) == 0
    finally:
        worker.kill()
        worker.wait()
    assert status() is Status.WAITING
