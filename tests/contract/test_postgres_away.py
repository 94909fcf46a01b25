"""A shared database that stops while jobs run, and comes back."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
import sqlalchemy as sa

from tests.contract.conftest import _binaries, _run, _server_user
from tests.makers import request, until
from wan_demo.catalog import BUILT_IN
from wan_demo.domain.job import Status
from wan_demo.engine.fake import FakeEngine
from wan_demo.errors import StorageAway
from wan_demo.jobs.sql import SqlJobStore, connect
from wan_demo.jobs.table import metadata
from wan_demo.worker import Worker

AWAY_SECONDS = 3.0
JOBS = 6


def test_no_accepted_job_is_lost_when_postgres_stops_for_a_while(postgres, folder):
    engine = connect(postgres)
    with engine.begin() as connection:
        connection.execute(sa.delete(metadata.tables["jobs"]))
        place, home, port = (
            connection.exec_driver_sql(f"SHOW {name}").scalar_one()
            for name in ("data_directory", "unix_socket_directories", "port")
        )
    store, stopping = SqlJobStore(engine), Flag()
    worker = Worker("server:one", SqlJobStore(connect(postgres)), FakeEngine(0.1), folder, BUILT_IN)
    thread = Thread(target=worker.run, args=(stopping,), daemon=True)
    accepted = [store.add(request(seed=at), "ada").id for at in range(JOBS)]
    thread.start()
    until(lambda: store.waiting() < JOBS - 1)
    _control("-D", place, "-m", "immediate", "stop")
    with pytest.raises(StorageAway):
        store.add(request(seed=JOBS), "ada")
    time.sleep(AWAY_SECONDS)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home}"
    _control("-D", place, "-l", Path(home) / "log", "-w", "-o", options, "start")
    until(lambda: not store.open())
    stopping.set()
    thread.join()
    ended = [store.get(job_id) for job_id in accepted]
    assert [(job.status, job.attempt) for job in ended if job] == [(Status.COMPLETED, 1)] * JOBS
    clips = {output.file for job in ended if job for output in job.outputs}
    assert clips == {path.name for path in folder.videos.glob("*.mp4")}
    engine.dispose()


def _control(*arguments: object) -> None:
    binaries = _binaries()
    assert binaries is not None
    _run(_server_user(), binaries / "pg_ctl", *arguments)
