"""What was accepted survives: a killed worker, a killed server, a server told to stop."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.calm_log import assert_calm
from tests.e2e.conftest import ROOT, running_server
from tests.makers import until
from wan_demo import catalog
from wan_demo.domain.job import Job, Status
from wan_demo.domain.rules import complete
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.media.folder import DataFolder

STEPS = 10  # of 0.3 s each with the fake engine: time enough to be killed in


@pytest.fixture
def store(tmp_path: Path) -> SqlJobStore:
    """The job table of the server's data folder, as another process sees it."""
    return SqlJobStore(connect(sqlite_url(DataFolder(tmp_path / "data").create().database)))


def _add(store: SqlJobStore) -> Job:
    given = {"task": "text_to_video", "prompt": "a blue star", "num_inference_steps": STEPS}
    return store.add(complete(given, catalog.BUNDLED), "somebody")


def _status(store: SqlJobStore, job: Job) -> Status | None:
    found = store.get(job.id)
    return found.status if found else None


def _losses(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "data" / "jobs.sqlite3")) as connection:
        return connection.execute("SELECT losses FROM jobs").fetchone()[0]


def _start(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    """A server outside of the fixtures' care, to be killed."""
    command = [sys.executable, "app.py", "--port", "0", "--engine", "fake", *more]
    command += ["--data-dir", str(folder / "data")]
    with (folder / "killed.log").open("ab") as log:
        uploads = {**os.environ, "GRADIO_TEMP_DIR": str(folder)}
        return subprocess.Popen(
            command, cwd=ROOT, env=uploads, stdout=log, stderr=subprocess.STDOUT
        )


@pytest.fixture(autouse=True)
def _calm(tmp_path: Path) -> Iterator[None]:
    """However they end, no server and no worker tells of an exception."""
    yield
    for log in tmp_path.glob("*.log"):
        assert_calm(log.read_text(errors="replace"))


def test_a_killed_worker_is_replaced_and_its_job_is_done(tmp_path: Path, store: SqlJobStore):
    with running_server(tmp_path, "--engine", "fake"):
        job = _add(store)
        until(lambda: _status(store, job) is Status.RUNNING)
        (worker,) = [
            process
            for process in psutil.process_iter(["cmdline"])
            if {"worker", str(tmp_path / "data")} <= set(process.info["cmdline"] or [])
        ]
        worker.send_signal(signal.SIGKILL)
        until(lambda: _status(store, job) is Status.COMPLETED, 120)
    done = store.get(job.id)
    assert done is not None
    assert done.attempt == 2
    assert len(list((tmp_path / "data" / "videos").glob("*.mp4"))) == 1


def test_a_killed_server_leaves_no_worker_and_its_jobs_run_at_the_next_start(
    tmp_path: Path, store: SqlJobStore
):
    running, waiting = _add(store), _add(store)
    server = _start(tmp_path)
    until(lambda: _status(store, running) is Status.RUNNING, 120)
    workers = psutil.Process(server.pid).children(recursive=True)
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    until(lambda: not any(worker.is_running() for worker in workers), 60)
    (tmp_path / "data" / "videos" / "orphan.mp4").touch()
    with running_server(tmp_path, "--engine", "fake"):
        for job in (running, waiting):
            until(lambda job=job: _status(store, job) is Status.COMPLETED, 120)
    assert len(list((tmp_path / "data" / "videos").glob("*.mp4"))) == 2


def test_a_server_told_to_stop_gives_its_running_job_back(tmp_path: Path, store: SqlJobStore):
    job = _add(store)
    server = _start(tmp_path)
    until(lambda: _status(store, job) is Status.RUNNING, 120)
    server.send_signal(signal.SIGTERM)
    server.wait(60)
    assert _status(store, job) is Status.WAITING
    assert _losses(tmp_path) == 0
    assert list((tmp_path / "data" / "videos").iterdir()) == []


def test_a_stop_in_a_long_step_is_done_before_docker_kills(tmp_path: Path, store: SqlJobStore):
    job = _add(store)
    server = _start(tmp_path, "--fake-step-seconds", "60")
    until(lambda: _status(store, job) is Status.RUNNING, 120)
    workers = psutil.Process(server.pid).children(recursive=True)
    server.send_signal(signal.SIGTERM)
    server.wait(10)
    assert not any(worker.is_running() for worker in workers)
    assert (_status(store, job), _losses(tmp_path)) == (Status.WAITING, 0)
