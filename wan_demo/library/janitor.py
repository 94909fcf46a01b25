"""Removes for good what was deleted, what the disk's budget has no room for, and unused inputs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event as Flag

from wan_demo.domain.library import UNDO
from wan_demo.jobs.base import JobStore
from wan_demo.jobs.looks import keep_looking
from wan_demo.library.budget import Budget
from wan_demo.media.folder import DataFolder

log = logging.getLogger(__name__)

PAUSE_SECONDS = 20.0

MOST_AT_ONCE = 1000
"""Jobs that go in one look, in one statement of the database."""

MARGIN = timedelta(minutes=1)
"""Between the last moment at which a deleted job can be had back and its removal."""

INPUT_AGE = timedelta(hours=1)
"""An input that nobody names may be of a job that is just being submitted; not after so long."""


class Janitor:
    """Files go first and rows last, so that whatever cuts it short leaves only work to repeat."""

    def __init__(
        self,
        store: JobStore,
        folder: DataFolder,
        budget: Budget,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._store = store
        self._folder = folder
        self._budget = budget
        self._clock = clock
        self._pause = pause
        self._swept_at: datetime | None = None

    def run(self, stopping: Flag) -> None:
        """Look now and then, until ``stopping`` is set."""
        keep_looking(self.tidy, self._pause, stopping)

    def tidy(self) -> None:
        """Do all that is due."""
        self._fit()
        self._remove()
        self._sweep_inputs()

    def _fit(self) -> None:
        """What the budget has no room for counts as deleted too long ago to be had back."""
        surplus = self._budget.surplus()[:MOST_AT_ONCE]
        if not surplus:
            return
        for job_id in self._store.expire(surplus, self._over() - MARGIN):
            log.info("the videos of job %s go: the disk budget is full", job_id)

    def _remove(self) -> None:
        over = self._over()
        for job_id in self._store.deleted(over):
            job = self._store.get(job_id)
            names = [output.file for output in job.outputs] if job else []
            try:
                self._folder.remove_clips(job_id, names)
            except OSError:  # on Windows a file that is being sent stays
                log.warning("the videos of job %s could not be removed", job_id, exc_info=True)
            else:
                self._store.forget(job_id, over)

    def _over(self) -> datetime:
        """What was deleted before this can't be had back."""
        return self._clock() - UNDO - MARGIN

    def _sweep_inputs(self) -> None:
        """The names of all inputs are read from all rows: only now and then."""
        now = self._clock()
        if self._swept_at is not None and now - self._swept_at < INPUT_AGE:
            return
        swept = self._folder.sweep_inputs(self._store.inputs(), (now - INPUT_AGE).timestamp())
        self._swept_at = now
        if swept:
            log.info("%d uploads that no job needs any more were removed", swept)
