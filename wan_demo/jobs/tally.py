"""Which jobs have ended since the last look."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Flag
from threading import Lock

from wan_demo.domain.job import Job
from wan_demo.jobs.base import JobStore
from wan_demo.jobs.looks import keep_looking

LOOK_SECONDS = 2.0


class Tally:
    """Tells of each job's end once, also of one that came and went between two looks."""

    def __init__(self, store: JobStore, tell: Callable[[Job], None]) -> None:
        self._store = store
        self._tell = tell
        self._lock = Lock()
        self._open: set[str] = set(store.open())

    def accepted(self, job: Job) -> None:
        """A new job, whose end is to be told."""
        with self._lock:
            self._open.add(job.id)

    def look(self) -> None:
        """Tell of those that have ended."""
        with self._lock:
            before = set(self._open)
        for job_id in before - self._store.open():
            job = self._store.get(job_id)
            if job is not None and job.status.is_final:
                self._tell(job)
            if job is None or job.status.is_final:
                with self._lock:
                    self._open.discard(job_id)

    def run(self, stopping: Flag) -> None:
        """Look until ``stopping`` is set."""
        keep_looking(self.look, LOOK_SECONDS, stopping)
