"""Jobs in a SQL database: SQLite (WAL) in the data folder, or Postgres when several share."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from wan_demo.domain.estimate import alike
from wan_demo.domain.job import Failure, Job, Output, Progress, Status
from wan_demo.domain.queue import Caps, Turn, kind_of, order
from wan_demo.domain.request import GenerationRequest
from wan_demo.jobs.base import Claim, nothing
from wan_demo.jobs.database import connect, is_writable, sqlite_url
from wan_demo.jobs.sql_library import SqlLibrary
from wan_demo.jobs.table import MAX_KIND, dump_outputs, jobs, load_outputs, read_row, to_job, utc

__all__ = ["SqlJobStore", "connect", "sqlite_url"]

log = logging.getLogger(__name__)

ADDING = 0x57414E
"""Postgres' advisory lock for whoever adds a job under caps."""

REMEMBERED = 500
"""Jobs taken lately that the order of turns looks back at."""

_IS_OPEN = jobs.c.status.in_([Status.RUNNING, Status.WAITING])
_OTHERS = jobs.alias()
_LIGHT = [column for column in jobs.c if column is not jobs.c.request]

UNREADABLE = Failure(code="unreadable", message="This job was made by another version.")


class SqlJobStore(SqlLibrary):
    """A JobStore over SQLAlchemy; safe to share between threads and processes."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self._open: Mapping[str, GenerationRequest | None] = {}

    def is_writable(self) -> bool:
        """Whether a job could be added right now."""
        return is_writable(self._engine)

    def add(self, request: GenerationRequest, owner: str, caps: Caps | None = None) -> Job:
        values = {
            "id": secrets.token_urlsafe(12),
            "owner": owner,
            "status": Status.WAITING,
            "model": request.model,
            "kind": kind_of(request)[:MAX_KIND],
            "alike": alike(request)[:MAX_KIND],
            "attempt": 0,
            "losses": 0,
            "cancel_requested": False,
            "request": request.model_dump_json(),
            "progress": Progress().model_dump_json(),
            "outputs": "[]",
        }
        with self._engine.begin() as connection:
            if caps is not None:
                caps.check(*_counts(connection, owner))
            accepted = jobs.insert().values(**values, created_at=_now())  # not before its turn
            row = connection.execute(accepted.returning(jobs)).mappings().one()
        return to_job(row)

    def get(self, job_id: str) -> Job | None:
        found = self._select(sa.select(jobs).where(jobs.c.id == job_id))
        return found[0] if found else None

    def list(self, owner: str, limit: int = 50) -> Sequence[Job]:
        newest = jobs.c.seq.desc()
        return self._select(
            sa.select(jobs)
            .where(jobs.c.owner == owner, jobs.c.deleted_at.is_(None))
            .order_by(newest)
            .limit(limit)
        )

    def recent(self, model: str, limit: int = 20) -> Sequence[Job]:
        return self._select(
            sa.select(jobs)
            .where(jobs.c.model == model, jobs.c.status == Status.COMPLETED)
            .order_by(jobs.c.finished_at.desc())
            .limit(limit)
        )

    def alike(self, request: GenerationRequest, limit: int = 20) -> Sequence[Job]:
        same = jobs.c.alike == alike(request)[:MAX_KIND]
        done = sa.select(jobs).where(same, jobs.c.status == Status.COMPLETED)
        return self._select(done.order_by(jobs.c.seq.desc()).limit(limit))

    def active(self) -> Sequence[Job]:
        with self._reads.begin() as connection:
            rows = connection.execute(sa.select(*_LIGHT).where(_IS_OPEN).order_by(jobs.c.seq))
            known = {row["id"]: row for row in rows.mappings()}
            requests = self._requests(connection, known)
            turns = [turn.job_id for turn in order(*_queue(connection))]
        running = [job_id for job_id, row in known.items() if row["status"] == Status.RUNNING]
        found = [(known[job_id], requests[job_id]) for job_id in (*running, *turns)]
        jobs_ = [read_row(row, request) for row, request in found if request is not None]
        return [job for job in jobs_ if job is not None]

    def open(self) -> Set[str]:
        with self._reads.connect() as connection:
            return set(connection.execute(sa.select(jobs.c.id).where(_IS_OPEN)).scalars())

    def waiting(self) -> int:
        query = sa.select(sa.func.count()).where(jobs.c.status == Status.WAITING)
        with self._reads.connect() as connection:
            return connection.execute(query).scalar_one()

    def claim(self, worker: str, job_id: str | None = None) -> Claim | None:
        while self.waiting():  # an idle worker only reads, and holds no lock
            with self._engine.begin() as connection:
                next_id = job_id or _whose_turn(connection)
                row = _take(connection, next_id, worker) if next_id else None
                job = read_row(row) if row else None
                if row and job is None:
                    connection.execute(_give_up(row["seq"]))
            if job:
                return Claim(job, worker)
            if job_id:
                return None
        return None

    def report(self, claim: Claim, progress: Progress) -> None:
        reported = jobs.update().where(*_held(claim)).values(progress=progress.model_dump_json())
        with self._engine.begin() as connection:
            connection.execute(reported)

    def is_wanted(self, claim: Claim) -> bool:
        wanted = sa.select(jobs.c.seq).where(*_held(claim), ~jobs.c.cancel_requested)
        with self._reads.connect() as connection:
            return connection.execute(wanted).first() is not None

    def beat(self, claim: Claim) -> None:
        with self._engine.begin() as connection:
            connection.execute(jobs.update().where(*_held(claim)).values(seen_at=_now()))

    def signs(self) -> Mapping[str, datetime | None]:
        latest = sa.select(jobs.c.worker, sa.func.max(jobs.c.seen_at))
        running = latest.where(jobs.c.status == Status.RUNNING).group_by(jobs.c.worker)
        with self._reads.connect() as connection:
            return {worker: utc(seen) for worker, seen in connection.execute(running)}

    def complete(self, claim: Claim, outputs: Sequence[Output]) -> bool:
        return self._end(claim, status=Status.COMPLETED, outputs=dump_outputs(tuple(outputs)))

    def fail(self, claim: Claim, failure: Failure, outputs: Sequence[Output] = ()) -> bool:
        said = failure.model_dump_json()
        made = dump_outputs(tuple(outputs))
        return self._end(claim, status=Status.FAILED, failure=said, outputs=made)

    def cancelled(self, claim: Claim, outputs: Sequence[Output] = ()) -> bool:
        return self._end(claim, status=Status.CANCELLED, outputs=dump_outputs(tuple(outputs)))

    def cancel(self, job_id: str, made: Callable[[Job], Sequence[Output]] = nothing) -> Job | None:
        this = jobs.update().where(jobs.c.id == job_id)
        waiting = this.where(jobs.c.status == Status.WAITING)
        running = this.where(jobs.c.status == Status.RUNNING)
        with self._engine.begin() as connection:
            _locked(connection, jobs.c.id == job_id)
            row = (
                connection.execute(
                    waiting.values(status=Status.CANCELLED, finished_at=_now()).returning(jobs)
                )
                .mappings()
                .one_or_none()
            )
            _keep(connection, [row] if row else [], made)
            connection.execute(running.values(cancel_requested=True))
        return self.get(job_id)

    def arrange(self, owner: str, job_ids: Sequence[str]) -> None:
        mine = (jobs.c.owner == owner) & (jobs.c.status == Status.WAITING)
        with self._engine.begin() as connection:
            places = dict(
                connection.execute(
                    sa.select(jobs.c.id, _place()).where(mine, jobs.c.id.in_(job_ids))
                ).all()
            )
            there = [job_id for job_id in dict.fromkeys(job_ids) if job_id in places]
            for job_id, place in zip(there, sorted(places.values()), strict=True):
                this = jobs.update().where(jobs.c.id == job_id, jobs.c.status == Status.WAITING)
                connection.execute(this.values(place=place))

    def requeue(
        self,
        worker: str,
        max_losses: int,
        failure: Failure,
        is_fault: bool,
        made: Callable[[Job], Sequence[Output]] = nothing,
    ) -> Sequence[Job]:
        group = jobs.c.worker.startswith(f"{worker}:", autoescape=True)
        held = (jobs.c.status == Status.RUNNING) & ((jobs.c.worker == worker) | group)
        with self._engine.begin() as connection:
            ids = _locked(connection, held)
            if is_fault:
                connection.execute(jobs.update().where(held).values(losses=jobs.c.losses + 1))
            for where, values in _ways_back(max_losses, failure):
                connection.execute(jobs.update().where(held, where).values(values))
            back = connection.execute(sa.select(jobs).where(jobs.c.id.in_(ids))).mappings().all()
            _keep(connection, back, made)
        return self._select(sa.select(jobs).where(jobs.c.id.in_(ids)))

    def videos(self) -> Set[str]:
        with self._reads.connect() as connection:
            texts = connection.execute(sa.select(jobs.c.outputs)).scalars().all()
        return {output.file for text in texts for output in load_outputs(text)}

    def began(self) -> datetime | None:
        with self._reads.connect() as connection:
            return utc(connection.execute(sa.select(sa.func.min(jobs.c.created_at))).scalar())

    def _requests(
        self, connection: sa.Connection, rows: Mapping[str, Mapping[Any, Any]]
    ) -> Mapping[str, GenerationRequest | None]:
        """What the open jobs ask for; None where this version can't read it.

        A request never changes once it is accepted, so each is read once while its job is open.
        """
        before = self._open
        requests = {job_id: before.get(job_id) for job_id in rows}
        new = [row["seq"] for job_id, row in rows.items() if job_id not in before]
        if new:
            texts = sa.select(jobs.c.id, jobs.c.request).where(_IS_OPEN, jobs.c.seq >= min(new))
            for job_id, text in connection.execute(texts):
                if job_id in requests and job_id not in before:
                    requests[job_id] = _read_request(job_id, text)
        self._open = requests
        return requests

    def _end(self, claim: Claim, **values: Any) -> bool:
        ended = jobs.update().where(*_held(claim)).values(finished_at=_now(), **values)
        with self._engine.begin() as connection:
            return connection.execute(ended).rowcount == 1


def _read_request(job_id: str, text: str) -> GenerationRequest | None:
    try:
        return GenerationRequest.model_validate_json(text)
    except ValueError:
        log.exception("job %s can't be read", job_id)
        return None


def _locked(connection: sa.Connection, where: sa.ColumnElement[bool]) -> Sequence[str]:
    """The ids of rows that nobody else changes until this is done; SQLite's writers never do."""
    found = sa.select(jobs.c.id).where(where).order_by(jobs.c.seq).with_for_update()
    return connection.execute(found).scalars().all()


def _place() -> sa.ColumnElement[int]:
    """Where a job stands among its owner's: as it came, unless they arranged it otherwise."""
    return sa.func.coalesce(jobs.c.place, jobs.c.seq)


def _counts(connection: sa.Connection, owner: str) -> tuple[int, int]:
    """How many jobs wait: everybody's, and the owner's; nobody adds one until this one is done.

    SQLite's writers come one by one as it is.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADDING)))
    own = sa.func.count().filter(jobs.c.owner == owner)
    counted = sa.select(sa.func.count(), own).where(jobs.c.status == Status.WAITING)
    waiting, mine = connection.execute(counted).one()
    return waiting, mine


def _queue(connection: sa.Connection) -> tuple[list[Turn], list[Turn]]:
    """What ``order`` asks for: the waiting jobs, and those that were taken lately."""
    columns = sa.select(jobs.c.id, jobs.c.owner, jobs.c.kind)
    waiting = columns.where(jobs.c.status == Status.WAITING).order_by(_place())
    taken = columns.where(jobs.c.turn.is_not(None))
    latest = taken.order_by(jobs.c.turn.desc()).limit(REMEMBERED)
    return (
        [Turn(*row) for row in connection.execute(waiting)],
        [Turn(*row) for row in connection.execute(latest)][::-1],
    )


def _whose_turn(connection: sa.Connection) -> str | None:
    """The id of the job that is to be taken next."""
    turn = next(order(*_queue(connection)), None)
    return turn.job_id if turn else None


def _take(connection: sa.Connection, job_id: str, worker: str) -> Mapping[Any, Any] | None:
    """The job's row once it is this worker's; None where another one was faster."""
    taken = jobs.update().where(jobs.c.id == job_id, jobs.c.status == Status.WAITING)
    now = _now()
    values = {
        "status": Status.RUNNING,
        "worker": worker,
        "attempt": jobs.c.attempt + 1,
        "turn": sa.select(sa.func.coalesce(sa.func.max(_OTHERS.c.turn), 0) + 1).scalar_subquery(),
        "started_at": now,
        "seen_at": now,
        "progress": Progress().model_dump_json(),
    }
    return connection.execute(taken.values(values).returning(jobs)).mappings().one_or_none()


def _give_up(seq: int) -> sa.Update:
    """The end of a job that nobody can do, as nobody can read it."""
    failed = jobs.update().where(jobs.c.seq == seq)
    return failed.values(
        status=Status.FAILED, failure=UNREADABLE.model_dump_json(), finished_at=_now()
    )


def _keep(
    connection: sa.Connection,
    rows: Sequence[Mapping[Any, Any]],
    made: Callable[[Job], Sequence[Output]],
) -> None:
    """Give those of the rows whose jobs have just ended the clips that were made of them."""
    for job in filter(None, map(read_row, rows)):
        if job.status.is_final and (clips := tuple(made(job))):
            this = jobs.update().where(jobs.c.id == job.id)
            connection.execute(this.values(outputs=dump_outputs(clips)))


def _held(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    """True for the claimed row while this attempt still holds it."""
    job_id, attempt = claim.fence
    return (
        jobs.c.id == job_id,
        jobs.c.attempt == attempt,
        jobs.c.status == Status.RUNNING,
    )


def _ways_back(
    max_losses: int, failure: Failure
) -> list[tuple[sa.ColumnElement[bool], dict[str, Any]]]:
    """What becomes of a dead worker's jobs; the first way that fits a row ends its running."""
    return [
        (jobs.c.cancel_requested, {"status": Status.CANCELLED, "finished_at": _now()}),
        (
            jobs.c.losses >= max_losses,
            {
                "status": Status.FAILED,
                "failure": failure.model_dump_json(),
                "finished_at": _now(),
            },
        ),
        (
            sa.true(),
            {
                "status": Status.WAITING,
                "progress": Progress().model_dump_json(),
                "started_at": None,
                "turn": None,
            },
        ),
    ]


def _now() -> datetime:
    return datetime.now(UTC)
