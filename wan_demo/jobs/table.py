"""The table's columns, and a row as a job. The request and its like are stored as JSON."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from wan_demo.domain.job import Failure, Job, Output, Progress, Status
from wan_demo.domain.request import GenerationRequest

log = logging.getLogger(__name__)

metadata = sa.MetaData()

MAX_KIND = 512

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(32), nullable=False, unique=True),
    sa.Column("owner", sa.String(64), nullable=False, index=True),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("model", sa.String(256), nullable=False),
    sa.Column("kind", sa.String(MAX_KIND), nullable=False, server_default=""),
    sa.Column("alike", sa.String(MAX_KIND), nullable=False, server_default=""),
    sa.Column("place", sa.Integer),
    sa.Column("turn", sa.Integer),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("losses", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("worker", sa.String(64)),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("progress", sa.Text, nullable=False),
    sa.Column("outputs", sa.Text, nullable=False),
    sa.Column("failure", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("seen_at", sa.DateTime(timezone=True)),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Index("ix_jobs_recent", "model", "status", "finished_at"),
    sa.Index("ix_jobs_turn", "turn"),
    sa.Index("ix_jobs_alike", "alike", "status", "seq"),
)

_OUTPUTS = TypeAdapter(tuple[Output, ...])

_NO_PROGRESS = Progress()
_NO_PROGRESS_TEXT = _NO_PROGRESS.model_dump_json()
"""What every waiting job's row holds: a thousand of them are read at every look at the queue."""


def dump_outputs(outputs: tuple[Output, ...]) -> str:
    """Outputs as the JSON that the ``outputs`` column holds."""
    return _OUTPUTS.dump_json(outputs).decode()


def load_outputs(text: str) -> tuple[Output, ...]:
    """What ``dump_outputs`` made; ValueError for anything else."""
    return () if text == "[]" else _OUTPUTS.validate_json(text)


def load_progress(text: str) -> Progress:
    """What the ``progress`` column holds; ValueError for anything else."""
    return _NO_PROGRESS if text == _NO_PROGRESS_TEXT else Progress.model_validate_json(text)


def to_job(row: Mapping[Any, Any], request: GenerationRequest | None = None) -> Job:
    """A row of the table as a Job; ValueError where this version can't read it.

    ``request`` is what the row's own was read as before, where the row comes without it.
    """
    return Job(
        id=row["id"],
        owner=row["owner"],
        request=request or GenerationRequest.model_validate_json(row["request"]),
        status=Status(row["status"]),
        created_at=utc(row["created_at"]) or datetime.now(UTC),
        attempt=row["attempt"],
        progress=load_progress(row["progress"]),
        outputs=load_outputs(row["outputs"]),
        failure=Failure.model_validate_json(row["failure"]) if row["failure"] else None,
        cancel_requested=row["cancel_requested"],
        pinned=row["pinned"],
        started_at=utc(row["started_at"]),
        finished_at=utc(row["finished_at"]),
        deleted_at=utc(row["deleted_at"]),
    )


def read_row(row: Mapping[Any, Any], request: GenerationRequest | None = None) -> Job | None:
    """``to_job``; None, and a line in the log, for a row that another version wrote."""
    try:
        return to_job(row, request)
    except ValueError:
        log.exception("job %s can't be read", row["id"])
        return None


def utc(time: datetime | None) -> datetime | None:
    """A stored time in UTC: Postgres gives its session's zone, SQLite forgets that it was UTC."""
    if time is None:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
