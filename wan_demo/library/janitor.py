"""Removes for good what was deleted, what the disk's budget has no room for, and unused files."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event as Flag

from wan_demo.domain.library import UNDO
from wan_demo.jobs.base import JobStore
from wan_demo.jobs.looks import keep_looking
from wan_demo.library.budget import Budget
from wan_demo.media.decode import sweep_scratch
from wan_demo.media.folder import DataFolder
from wan_demo.media.uploads import KEPT, Uploads

log = logging.getLogger(__name__)

PAUSE_SECONDS = 20.0

MOST_AT_ONCE = 1000
"""Jobs that go in one look, in one statement of the database."""

MARGIN = timedelta(minutes=1)
"""Between the last moment at which a deleted job can be had back and its removal."""

INPUT_AGE = timedelta(hours=1)
"""An input that nobody names may be of a job that is just being submitted; not after so long.
Unused uploads are looked for as often."""


class Janitor:
    """Files go first and rows last, so that whatever cuts it short leaves only work to repeat."""

    def __init__(
        self,
        store: JobStore,
        folder: DataFolder,
        budget: Budget,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: float = PAUSE_SECONDS,
        uploads: Uploads | None = None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._budget = budget
        self._clock = clock
        self._pause = pause
        self._uploads = uploads
        self._uploads_swept_at: datetime | None = None
        self._swept_at: datetime | None = None

    def run(self, stopping: Flag) -> None:
        """Look now and then, until ``stopping`` is set."""
        keep_looking(self.tidy, self._pause, stopping)

    def tidy(self) -> None:
        """Do all that is due."""
        self._sweep_uploads()  # for which the table may be away
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

    def _sweep_uploads(self) -> None:
        now = self._clock()
        if self._uploads is None or _is_recent(self._uploads_swept_at, now):
            return
        self._uploads_swept_at = now
        sweep_scratch((now - INPUT_AGE).timestamp())
        swept = self._uploads.sweep((now - KEPT).timestamp())
        if swept:
            log.info("%d uploads that nobody used for a day were removed", swept)

    def _sweep_inputs(self) -> None:
        """The names of all inputs are read from all rows: only now and then."""
        now = self._clock()
        if _is_recent(self._swept_at, now):
            return
        swept = self._folder.sweep_inputs(self._store.inputs(), (now - INPUT_AGE).timestamp())
        self._swept_at = now
        if swept:
            log.info("%d uploads that no job needs any more were removed", swept)


def _is_recent(last: datetime | None, now: datetime) -> bool:
    return last is not None and now - last < INPUT_AGE
