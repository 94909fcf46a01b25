"""The way to the job table: a SQLite file that is written ahead and durably, or a Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.event import listen

from wan_demo.errors import StorageAway, StorageFull
from wan_demo.jobs.schema import bring_up_to_date

BUSY_SECONDS = 30
"""How long a writer waits for SQLite's one write lock before it gives up."""

HEALTH_MS = 1000
"""How long the question waits whether the table can be written."""


def connect(url: str | sa.URL, may_create: bool = True) -> sa.Engine:
    """An engine for ``url`` with the schema brought up to date.

    What passes by itself raises StorageAway later on, and StorageFull where the disk is full. Only
    the first connection makes a SQLite file, and only where it ``may_create`` one: an empty one in
    place of a file that is away for a while would be the end of all jobs in that.
    """
    url = sa.make_url(url)
    engine = sa.create_engine(url, connect_args=_connect_args(url), pool_pre_ping=True)
    is_sqlite = engine.dialect.name == "sqlite"
    if is_sqlite and not may_create:
        _must_exist(url)
    if is_sqlite:
        listen(engine, "connect", _configure_sqlite)
        listen(engine, "begin", _begin_sqlite)
    with engine.begin() as connection:
        bring_up_to_date(connection)
    if is_sqlite:  # an open one would go on in a file that has no name any more
        for begins in ("do_connect", "checkout"):
            listen(engine, begins, lambda *_: _must_exist(url))
    listen(engine, "handle_error", _translate)
    return engine


def _must_exist(url: sa.URL) -> None:
    """A SQLite file that is not there is away, and no reason to begin a new one."""
    if not Path(str(url.database)).exists():
        raise StorageAway


def _translate(context: sa.ExceptionContext) -> Exception | None:
    """The driver's word for what passes by itself as ours."""
    error = context.original_exception
    if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
        return StorageFull()
    is_away = isinstance(error, context.dialect.loaded_dbapi.OperationalError)
    return StorageAway() if is_away else None


def is_writable(engine: sa.Engine) -> bool:
    """Whether the table could be written right now: who asks after health waits for no lock."""
    try:
        with engine.connect() as connection, _no_wait(connection):
            connection.execute(sa.select(1))  # which begins as a writer does
            return True
    except StorageAway:
        return False


@contextmanager
def _no_wait(connection: sa.Connection) -> Iterator[None]:
    """Within it a writer waits no longer for SQLite's lock than somebody for an answer."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    driver.execute(f"PRAGMA busy_timeout={HEALTH_MS}")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


def sqlite_url(path: Path) -> sa.URL:
    """The URL of a SQLite file, whatever characters its path holds."""
    return sa.URL.create("sqlite", database=str(path))


def _connect_args(url: sa.URL) -> dict[str, Any]:
    return {"timeout": BUSY_SECONDS} if url.get_backend_name() == "sqlite" else {}


def _configure_sqlite(connection: Any, _record: Any) -> None:
    """WAL lets readers go on beside a writer; FULL makes an accepted job survive a power cut."""
    connection.isolation_level = None  # transactions are begun below, not by the driver
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(text: Any) -> Any:
    """SQLite's own knows no letters but those of ASCII."""
    return text.lower() if isinstance(text, str) else text


def _begin_sqlite(connection: sa.Connection) -> None:
    """Writers take the lock first, so that what they read can't be overtaken; readers take none."""
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
