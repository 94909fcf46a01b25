"""The library's use cases: one's own clips, found, pinned, deleted and had back."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wan_demo.domain.job import Job
from wan_demo.domain.library import EVERYTHING, UNDO, Search
from wan_demo.domain.request import Task
from wan_demo.errors import JobNotFinished, JobNotFound
from wan_demo.jobs.base import JobStore
from wan_demo.library.budget import Budget
from wan_demo.media.folder import DataFolder


@dataclass(frozen=True)
class Page:
    """Some of the jobs that a search finds, newest first, and how many it finds in all."""

    jobs: Sequence[Job]
    count: int


class Library:
    """Everybody's own clips: nobody sees or changes another's."""

    def __init__(self, store: JobStore, folder: DataFolder, max_bytes: float | None = None) -> None:
        """``max_bytes`` is the disk budget of all videos; None: there is none."""
        self.budget = Budget(store, folder, max_bytes)
        self._store = store
        self._folder = folder

    def page(
        self, owner: str, search: Search = EVERYTHING, limit: int = 50, before: str | None = None
    ) -> Page:
        """The owner's clips that a search finds; ``before`` goes on below the job of that id."""
        jobs = self._store.library(owner, search, limit, before)
        return Page(jobs, self._store.found(owner, search))

    def made(self, owner: str) -> Set[tuple[Task, str]]:
        """The tasks, each with a model's id, that the owner has clips of."""
        return self._store.made(owner)

    def delete(self, owner: str, job_ids: Sequence[str]) -> Sequence[str]:
        """Delete jobs; returns the ids of those that can be had back for ``UNDO``.

        Raises JobNotFound where none is the owner's, JobNotFinished where one is under way; then
        nothing is deleted.
        """
        mine = [job for job in map(self._store.get, job_ids) if job is not None]
        mine = [job for job in mine if job.owner == owner and job.deleted_at is None]
        if not mine:
            raise JobNotFound
        if not all(job.status.is_final for job in mine):
            raise JobNotFinished
        return self._store.delete(owner, [job.id for job in mine])

    def restore(self, owner: str, job_ids: Sequence[str]) -> Sequence[str]:
        """Have deleted jobs back; returns the ids of those for which it was not too late."""
        return self._store.restore(owner, job_ids, datetime.now(UTC) - UNDO)

    def pin(self, owner: str, job_id: str, is_pinned: bool) -> None:
        """Keep a job's clips whatever the disk's budget, or no longer.

        Raises PinsFull where as many are kept as may be.
        """
        if is_pinned:
            self.budget.check_pin(job_id)
        self._store.pin(owner, [job_id], is_pinned)

    def is_deleted(self, job_id: str) -> bool:
        """Whether a job was deleted: then nobody is served anything of it."""
        job = self._store.get(job_id)
        return job is not None and job.deleted_at is not None

    def input_of(self, owner: str, name: str) -> Path | None:
        """The file of an input, for the owner of a job that was made from it; for nobody else."""
        path = self._folder.input(name)
        return path if self._store.uses(owner, name) and path.is_file() else None
