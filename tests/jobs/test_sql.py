from __future__ import annotations

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tests.makers import request
from wan_demo.domain.job import Status
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.jobs.table import metadata


def test_an_accepted_job_is_there_for_the_next_process(tmp_path):
    url = sqlite_url(tmp_path / "jobs.sqlite3")
    engine = connect(url)
    job = SqlJobStore(engine).add(request(), "ada")
    engine.dispose()
    again = SqlJobStore(connect(url))
    assert again.get(job.id) == job
    assert again.waiting() == 1


def test_the_migrations_make_the_table_that_the_code_declares(tmp_path):
    engine = connect(sqlite_url(tmp_path / "jobs.sqlite3"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


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


def test_a_path_with_odd_characters_is_a_path(tmp_path):
    folder = tmp_path / "data #1 ?x=%41 ü"
    folder.mkdir()
    connect(sqlite_url(folder / "jobs.sqlite3")).dispose()
    assert (folder / "jobs.sqlite3").is_file()
