"""What the job table says once it is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tests.load.order import Taken
from wan_demo.domain.job import Job
from wan_demo.jobs.sql import connect, sqlite_url
from wan_demo.jobs.table import jobs as table
from wan_demo.jobs.table import to_job
from wan_demo.media.folder import DataFolder


def every_job(folder: DataFolder) -> Sequence[Job]:
    """All jobs that were ever accepted."""
    engine = connect(sqlite_url(folder.database))
    with engine.connect() as connection:
        rows = [to_job(row) for row in connection.execute(table.select()).mappings()]
    engine.dispose()
    return rows


def spans(jobs: Sequence[Job]) -> list[tuple[datetime, datetime]]:
    """When each ended job was accepted, and when it ended."""
    return [(job.created_at, job.finished_at) for job in jobs if job.finished_at]


def turns(jobs: Sequence[Job]) -> list[Taken]:
    """When each job was accepted, and when it was taken."""
    return [(job.owner, job.created_at, job.started_at) for job in jobs if job.started_at]
