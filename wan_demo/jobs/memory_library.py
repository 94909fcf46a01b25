"""What was made, in this process's memory: found, pinned, deleted and removed for good."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from wan_demo.domain.files import named
from wan_demo.domain.job import Job
from wan_demo.domain.library import EVERYTHING, Search
from wan_demo.domain.request import Task


class MemoryLibrary:
    """The part of a JobStore in memory that is about ended jobs."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()

    def library(
        self, owner: str, search: Search = EVERYTHING, limit: int = 50, before: str | None = None
    ) -> Sequence[Job]:
        mine = [job for job in self._jobs.values() if job.owner == owner]
        if before is not None:
            ids = [job.id for job in mine]
            mine = mine[: ids.index(before)] if before in ids else []
        return [job for job in mine[::-1] if _is_kept(job) and search.matches(job.request)][:limit]

    def found(self, owner: str, search: Search = EVERYTHING) -> int:
        return len(self.library(owner, search, limit=len(self._jobs)))

    def made(self, owner: str) -> Set[tuple[Task, str]]:
        kept = self.library(owner, limit=len(self._jobs))
        return {(job.request.task, job.request.model) for job in kept}

    def delete(self, owner: str, job_ids: Sequence[str]) -> Sequence[str]:
        with self._lock:
            mine = self._mine(owner, job_ids)
            ended = [job for job in mine if job.status.is_final and job.deleted_at is None]
            return self._mark(ended, deleted_at=datetime.now(UTC))

    def restore(self, owner: str, job_ids: Sequence[str], since: datetime) -> Sequence[str]:
        with self._lock:
            mine = self._mine(owner, job_ids)
            late = [job for job in mine if job.deleted_at is not None and job.deleted_at >= since]
            return self._mark(late, deleted_at=None)

    def pin(self, owner: str, job_ids: Sequence[str], is_pinned: bool) -> None:
        with self._lock:
            mine = self._mine(owner, job_ids)
            ended = [job for job in mine if job.status.is_final and job.deleted_at is None]
            self._mark(ended, pinned=is_pinned)

    def oldest(self) -> Sequence[str]:
        removable = [job for job in self._jobs.values() if _is_removable(job)]
        return [job.id for job in sorted(removable, key=lambda job: job.deleted_at is None)]

    def expire(self, job_ids: Sequence[str], at: datetime) -> Sequence[str]:
        with self._lock:
            found = [self._jobs[job_id] for job_id in job_ids if job_id in self._jobs]
            return self._mark([job for job in found if _is_removable(job)], deleted_at=at)

    def deleted(self, until: datetime) -> Sequence[str]:
        return [job.id for job in self._jobs.values() if _is_deleted(job, until)]

    def forget(self, job_id: str, until: datetime) -> None:
        with self._lock:
            if job_id in self._jobs and _is_deleted(self._jobs[job_id], until):
                del self._jobs[job_id]

    def inputs(self) -> Set[str]:
        requests = [job.request for job in self._jobs.values()]
        return {name for request in requests for name in named(request)}

    def uses(self, owner: str, name: str) -> bool:
        mine = [job for job in self._jobs.values() if job.owner == owner and job.deleted_at is None]
        return any(name in named(job.request) for job in mine)

    def _mine(self, owner: str, job_ids: Sequence[str]) -> list[Job]:
        return [job for job in self._jobs.values() if job.owner == owner and job.id in job_ids]

    def _mark(self, marked: Sequence[Job], **changes: Any) -> Sequence[str]:
        self._jobs.update({job.id: replace(job, **changes) for job in marked})
        return [job.id for job in marked]


def _is_kept(job: Job) -> bool:
    return job.status.is_final and bool(job.outputs) and job.deleted_at is None


def _is_removable(job: Job) -> bool:
    return job.status.is_final and bool(job.outputs) and not (job.pinned and not job.deleted_at)


def _is_deleted(job: Job, until: datetime) -> bool:
    return job.deleted_at is not None and job.deleted_at < until
