"""Which jobs have ended since the last look."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event as Flag
from threading import Lock

from wan_demo.domain.job import Job
from wan_demo.jobs.base import JobStore

log = logging.getLogger(__name__)

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
        while not stopping.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception:  # a table that is away: the next look may reach it
                log.warning("the ended jobs could not be counted", exc_info=True)
