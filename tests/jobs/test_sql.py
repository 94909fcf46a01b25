from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.event import listen

from tests.makers import request
from wan_demo.domain.job import Failure, Job, Status
from wan_demo.errors import StorageAway, StorageFull
from wan_demo.jobs import database
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.jobs.table import jobs, metadata, utc

LOST = Failure(code="worker_lost", message="lost")


@pytest.fixture
def engine(tmp_path) -> Iterator[sa.Engine]:
    made = connect(sqlite_url(tmp_path / "jobs.sqlite3"))
    yield made
    made.dispose()


@pytest.fixture
def store(engine: sa.Engine) -> SqlJobStore:
    return SqlJobStore(engine)


def spoil(engine: sa.Engine, job: Job, **values: str) -> None:
    """Write to a job's row what this version can't read."""
    with engine.begin() as connection:
        connection.execute(jobs.update().where(jobs.c.id == job.id).values(values))


def test_an_accepted_job_is_there_for_the_next_process(tmp_path):
    url = sqlite_url(tmp_path / "jobs.sqlite3")
    engine = connect(url)
    job = SqlJobStore(engine).add(request(), "ada")
    engine.dispose()
    again = SqlJobStore(connect(url))
    assert again.get(job.id) == job
    assert again.waiting() == 1


def test_sqlite_writes_ahead_and_durably(tmp_path):
    engine = connect(sqlite_url(tmp_path / "jobs.sqlite3"))
    with engine.connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(sa.text("PRAGMA synchronous")).scalar() == 2


def test_readers_go_on_beside_a_writer(tmp_path):
    engine = connect(sqlite_url(tmp_path / "jobs.sqlite3"))
    store = SqlJobStore(engine)
    job = store.add(request(), "ada")
    with engine.begin() as writing:
        writing.execute(sa.update(metadata.tables["jobs"]).values(status="running"))
        found = store.get(job.id)
        assert found is not None
        assert found.status is Status.WAITING
        assert store.waiting() == 1


@pytest.mark.parametrize("is_open", [True, False])
def test_a_table_that_is_away_is_said_so_and_no_empty_one_takes_its_place(tmp_path, is_open):
    """A connection that is still open would keep what is accepted in a file without a name."""
    path, away = tmp_path / "jobs.sqlite3", tmp_path / "away"
    engine = connect(sqlite_url(path))
    store = SqlJobStore(engine)
    job = store.add(request(), "ada")
    if not is_open:
        engine.dispose()
    path.rename(away)
    assert not store.is_writable()
    for call in (store.waiting, lambda: store.add(request(), "ada"), lambda: store.claim("w1")):
        with pytest.raises(StorageAway):
            call()
    with pytest.raises(StorageAway):
        connect(sqlite_url(path), may_create=False)
    assert not path.exists()
    away.rename(path)
    assert store.get(job.id) == job


def test_a_table_that_is_locked_is_away(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    path = tmp_path / "jobs.sqlite3"
    store = SqlJobStore(connect(sqlite_url(path)))
    assert store.is_writable()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert not store.is_writable()
        with pytest.raises(StorageAway, match="Try again"):
            store.add(request(), "ada")
        assert store.waiting() == 0
    assert store.is_writable()
    store.add(request(), "ada")


def test_a_full_disk_is_a_full_disk(tmp_path):
    engine = connect(sqlite_url(tmp_path / "jobs.sqlite3"))
    store = SqlJobStore(engine)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    def fill() -> None:
        for _ in range(100):
            store.add(request(prompt="x" * 900), "ada")

    with pytest.raises(StorageFull):
        fill()


def test_a_path_with_odd_characters_is_a_path(tmp_path):
    folder = tmp_path / "data #1 ?x=%41 ü"
    folder.mkdir()
    connect(sqlite_url(folder / "jobs.sqlite3")).dispose()
    assert (folder / "jobs.sqlite3").is_file()


@pytest.mark.parametrize("values", [{"request": '{"task": "sing"}'}, {"status": "resting"}])
def test_a_row_that_cannot_be_read_takes_nothing_else_down(engine, store, caplog, values):
    spoiled, whole = store.add(request(), "ada"), store.add(request(), "ada")
    spoil(engine, spoiled, **values)
    assert store.list("ada") == [whole]
    assert store.active() == [whole]
    assert store.get(spoiled.id) is None
    assert spoiled.id in caplog.text


def test_a_job_that_cannot_be_read_is_given_up_and_the_next_one_runs(engine, store):
    spoiled, whole = store.add(request(), "ada"), store.add(request(), "ada")
    spoil(engine, spoiled, request="{}")
    claimed = store.claim("w1")
    assert claimed is not None
    assert claimed.job.id == whole.id
    assert store.waiting() == 0
    spoil(engine, spoiled, request=whole.request.model_dump_json())
    found = store.get(spoiled.id)
    assert (found.status, found.failure.code) == (Status.FAILED, "unreadable")


def test_the_queue_is_looked_at_again_and_again_and_each_request_read_once(engine, store):
    jobs_ = [store.add(request(seed=seed), f"owner{seed % 3}") for seed in range(9)]
    first = store.active()
    assert {job.id: job for job in first} == {job.id: job for job in jobs_}
    texts: list[str] = []
    listen(engine, "before_cursor_execute", lambda *given: texts.append(given[2]))
    assert store.active() == first
    assert not [text for text in texts if "jobs.request" in text]
    late = store.add(request(seed=99), "late")
    claimed = store.claim("w")
    again = {job.id: job for job in store.active()}
    assert again[late.id] == late
    assert again[claimed.job.id] == claimed.job
    store.complete(claimed, ())
    assert claimed.job.id not in {job.id for job in store.active()}
    assert claimed.job.id not in store._open


def test_videos_that_cannot_be_read_are_not_taken_for_none(engine, store):
    spoil(engine, store.add(request(), "ada"), outputs='[{"name": "a.mp4"}]')
    with pytest.raises(ValueError, match="file"):
        store.videos()


def test_estimates_find_their_jobs_by_an_index(engine, store):
    statements: list[tuple[str, tuple]] = []
    listen(engine, "before_cursor_execute", lambda *given: statements.append((given[2], given[3])))
    for ask, index in (
        (lambda: store.recent("wan-tiny"), "ix_jobs_recent"),
        (lambda: store.alike(request()), "ix_jobs_alike"),
    ):
        ask()
        query, values = statements[-1]
        with engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values).all()
        assert index in str(plan)
        assert "TEMP B-TREE" not in str(plan)


def test_an_aware_time_keeps_its_instant():
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert utc(noon.astimezone(timezone(timedelta(hours=8)))) == noon
    assert utc(noon.replace(tzinfo=None)) == noon
    assert utc(None) is None


def test_a_job_that_ran_before_workers_had_groups_is_the_servers(tmp_path):
    url = sqlite_url(tmp_path / "old.sqlite3")
    engine = connect(url)
    store = SqlJobStore(engine)
    job = store.add(request(), "ada")
    store.claim("worker-1f")
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context) as operations:
            for index in ("ix_jobs_recent", "ix_jobs_turn", "ix_jobs_alike"):
                operations.drop_index(index, "jobs")
            for column in (
                "losses",
                "kind",
                "place",
                "turn",
                "seen_at",
                "alike",
                "pinned",
                "deleted_at",
            ):
                operations.drop_column("jobs", column)
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    (given_back,) = SqlJobStore(connect(url)).requeue("server", 3, LOST, is_fault=True)
    assert given_back.id == job.id
