"""What was made, in the SQL table: found, pinned, deleted and removed for good."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from wan_demo.domain.files import named
from wan_demo.domain.job import Job, Status
from wan_demo.domain.library import EVERYTHING, Search
from wan_demo.domain.request import INPUTS, Task
from wan_demo.jobs.table import jobs, read_row

ENDS = [status for status in Status if status.is_final]
NO_OUTPUTS = "[]"

CASE_BLIND = "und-x-icu"
"""Postgres' collation that knows the small letters of every script, whatever the database's."""


class SqlLibrary:
    """The part of a JobStore over SQLAlchemy that is about ended jobs."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._reads = engine.execution_options(reads=True)

    def library(
        self, owner: str, search: Search = EVERYTHING, limit: int = 50, before: str | None = None
    ) -> Sequence[Job]:
        query = sa.select(jobs).where(*self._found(owner, search))
        if before is not None:
            last = sa.select(jobs.c.seq).where(jobs.c.id == before, jobs.c.owner == owner)
            query = query.where(jobs.c.seq < last.scalar_subquery())
        return self._select(query.order_by(jobs.c.seq.desc()).limit(limit))

    def found(self, owner: str, search: Search = EVERYTHING) -> int:
        query = sa.select(sa.func.count()).where(*self._found(owner, search))
        with self._reads.connect() as connection:
            return connection.execute(query).scalar_one()

    def made(self, owner: str) -> Set[tuple[Task, str]]:
        query = sa.select(_part("task"), jobs.c.model).where(*_kept(owner)).distinct()
        with self._reads.connect() as connection:
            rows = connection.execute(query).all()
        return {(Task(task), model) for task, model in rows if task in list(Task)}

    def delete(self, owner: str, job_ids: Sequence[str]) -> Sequence[str]:
        ended = jobs.c.status.in_(ENDS) & jobs.c.deleted_at.is_(None)
        return self._mark(_mine(owner, job_ids), ended, deleted_at=_now())

    def restore(self, owner: str, job_ids: Sequence[str], since: datetime) -> Sequence[str]:
        return self._mark(_mine(owner, job_ids), jobs.c.deleted_at >= since, deleted_at=None)

    def pin(self, owner: str, job_ids: Sequence[str], is_pinned: bool) -> None:
        ended = jobs.c.status.in_(ENDS) & jobs.c.deleted_at.is_(None)
        self._mark(_mine(owner, job_ids), ended, pinned=is_pinned)

    def oldest(self) -> Sequence[str]:
        removable = sa.select(jobs.c.id).where(_REMOVABLE)
        return self._ids(removable.order_by(jobs.c.deleted_at.is_(None), jobs.c.seq))

    def expire(self, job_ids: Sequence[str], at: datetime) -> Sequence[str]:
        return self._mark(jobs.c.id.in_(job_ids), _REMOVABLE, deleted_at=at)

    def deleted(self, until: datetime) -> Sequence[str]:
        return self._ids(sa.select(jobs.c.id).where(jobs.c.deleted_at < until))

    def forget(self, job_id: str, until: datetime) -> None:
        with self._engine.begin() as connection:
            connection.execute(jobs.delete().where(jobs.c.id == job_id, jobs.c.deleted_at < until))

    def inputs(self) -> Set[str]:
        with self._reads.connect() as connection:
            texts = connection.execute(sa.select(jobs.c.request)).scalars().all()
        return {name for text in texts for name in named(json.loads(text))}

    def uses(self, owner: str, name: str) -> bool:
        made_from = sa.or_(*(_names(field, name) for field in INPUTS))
        mine = (jobs.c.owner == owner) & jobs.c.deleted_at.is_(None)
        with self._reads.connect() as connection:
            return (
                connection.execute(sa.select(jobs.c.seq).where(mine, made_from)).first() is not None
            )

    def _found(self, owner: str, search: Search) -> list[sa.ColumnElement[bool]]:
        """What ``library`` asks of a row."""
        wanted = [*_kept(owner)]
        if search.model:
            wanted.append(jobs.c.model == search.model)
        if search.task is not None:
            wanted.append(_part("task") == search.task.value)
        said = self._small(_part("prompt") + " " + sa.func.coalesce(_part("prompt_end"), ""))
        return wanted + [said.contains(word, autoescape=True) for word in search.words]

    def _small(self, text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
        """In small letters; SQLite's own function for that is replaced in ``database.connect``."""
        is_postgres = self._engine.dialect.name == "postgresql"
        return sa.func.lower(sa.collate(text, CASE_BLIND) if is_postgres else text)

    def _mark(self, *where: sa.ColumnElement[bool], **values: Any) -> Sequence[str]:
        marked = jobs.update().where(*where).values(values).returning(jobs.c.id)
        with self._engine.begin() as connection:
            return connection.execute(marked).scalars().all()

    def _ids(self, query: sa.Select[Any]) -> Sequence[str]:
        with self._reads.connect() as connection:
            return connection.execute(query).scalars().all()

    def _select(self, query: sa.Select[Any]) -> Sequence[Job]:
        with self._reads.connect() as connection:
            rows = [read_row(row) for row in connection.execute(query).mappings()]
        return [job for job in rows if job is not None]


_ENDED_WITH_CLIPS = jobs.c.status.in_(ENDS) & (jobs.c.outputs != NO_OUTPUTS)

_REMOVABLE = _ENDED_WITH_CLIPS & (~jobs.c.pinned | jobs.c.deleted_at.is_not(None))


def _kept(owner: str) -> tuple[sa.ColumnElement[bool], ...]:
    """The owner's ended jobs that have clips and are not deleted."""
    return jobs.c.owner == owner, _ENDED_WITH_CLIPS, jobs.c.deleted_at.is_(None)


def _mine(owner: str, job_ids: Sequence[str]) -> sa.ColumnElement[bool]:
    return (jobs.c.owner == owner) & jobs.c.id.in_(job_ids)


def _part(field: str) -> sa.ColumnElement[str]:
    """A field of the stored request. SQLite keeps JSON as text, and would cast it to a number."""
    stored = sa.cast(jobs.c.request, sa.JSON().with_variant(sa.Text(), "sqlite"))
    return stored[field].as_string()


def _names(field: str, name: str) -> sa.ColumnElement[bool]:
    """Whether a field of the stored request is this file, or a list that holds it."""
    stored = _part(field)
    return (stored == name) | stored.contains(json.dumps(name), autoescape=True)


def _now() -> datetime:
    return datetime.now(UTC)
