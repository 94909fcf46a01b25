"""What happens to a row between two statements of one transaction: Postgres lets others in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from sqlalchemy.event import listen, remove

from tests.contract.test_job_store import LOST, _postgres, _sqlite, add, claim, now
from wan_demo.domain.job import Status
from wan_demo.jobs.sql import SqlJobStore, connect

MEANWHILE_SECONDS = 0.5


@pytest.fixture(params=[_sqlite, _postgres], ids=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> SqlJobStore:
    return request.param(request)


@pytest.fixture
def other(store: SqlJobStore) -> Iterator[SqlJobStore]:
    """Somebody else's way to the same table."""
    engine = connect(store._engine.url)
    yield SqlJobStore(engine)
    engine.dispose()


@contextmanager
def after_the_first_update(store: SqlJobStore, call: Callable[[], object]) -> Iterator[None]:
    """Let somebody try something once the store has begun to change rows, and go on meanwhile."""
    begun: list[Thread] = []

    def meanwhile(_connection, _cursor, statement: str, *_more: object) -> None:
        if not begun and statement.startswith("UPDATE"):
            begun.append(Thread(target=call, daemon=True))
            begun[0].start()
            begun[0].join(MEANWHILE_SECONDS)

    listen(store._engine, "after_cursor_execute", meanwhile)
    try:
        yield
    finally:
        remove(store._engine, "after_cursor_execute", meanwhile)
        begun[0].join(30)


def test_a_cancel_finds_a_job_that_is_given_back_at_that_moment(store, other):
    job = add(store)
    claim(store, "server:1")
    with after_the_first_update(store, lambda: other.requeue("server:1", 3, LOST, True)):
        store.cancel(job.id)
    assert now(store, job).status is Status.CANCELLED
