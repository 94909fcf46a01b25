"""Signs of life: a worker at work gives them, and whoever gives none is noticed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from contextvars import copy_context
from datetime import datetime
from threading import Event as Flag
from threading import Thread

from wan_demo.jobs.base import Claim, JobStore

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
"""How often a worker at work says that it lives."""

SILENT_SECONDS = 60.0
"""After how long without that it counts as lost. A database that is away for half a minute
silences all workers, and none of them is lost."""

LOOK_SECONDS = 5.0

IDLE_SECONDS = 180.0
"""How long jobs may wait while no worker holds any: a new one takes a minute to start on a slow
disk."""


@contextmanager
def beating(
    store: JobStore, claim: Claim, check: Callable[[], None], seconds: float = BEAT_SECONDS
) -> Iterator[None]:
    """Give signs of life for a claim from a thread, and ``check`` as often whether it still is one.

    What the table answers with is no matter of the job's: the next sign may reach it.
    """
    over = Flag()

    def beat() -> None:
        while not over.wait(seconds):
            check()
            try:
                store.beat(claim)
            except Exception:
                log.warning("no sign of life could be given for %s", claim.job.id, exc_info=True)

    work = copy_context().run  # what it logs is about the same job
    thread = Thread(target=work, args=(beat,), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Reaper:
    """Watches the signs of all workers, by its own clock: theirs may be another machine's."""

    def __init__(
        self,
        store: JobStore,
        give_back: Callable[[str, bool], None],
        seconds: float = SILENT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        pause: float = LOOK_SECONDS,
    ) -> None:
        self._store = store
        self._give_back = give_back
        self._seconds = seconds
        self._clock = clock
        self._pause = pause
        self._signs: dict[str, tuple[datetime | None, float]] = {}
        self._looked_at: float | None = None

    def silent(self) -> Set[str]:
        """The workers whose sign has not changed for the time; looks at the table anew.

        After a time in which the table could not be looked at, everybody's time begins anew.
        """
        signs, now = self._store.signs(), self._clock()
        was_away = self._looked_at is None or now - self._looked_at > self._seconds / 2
        self._looked_at = now
        known = {} if was_away else self._signs
        self._signs = {
            worker: known[worker] if worker in known and known[worker][0] == sign else (sign, now)
            for worker, sign in signs.items()
        }
        return {name for name, (_, since) in self._signs.items() if now - since > self._seconds}

    def run(self, stopping: Flag) -> None:
        """Give back what silent workers hold, until ``stopping`` is set."""
        while not stopping.wait(self._pause):
            try:
                for worker in self.silent():
                    log.warning("no sign of life from %s for %.0f s", worker, self._seconds)
                    self._give_back(worker, True)
            except Exception:  # a busy database: the next look may do it
                log.exception("the workers could not be looked at")


class Standstill:
    """Notices a worker that stands still between two jobs, where it gives no signs of life."""

    def __init__(
        self,
        store: JobStore,
        end_worker: Callable[[], None],
        seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        pause: float = LOOK_SECONDS,
    ) -> None:
        self._store = store
        self._end_worker = end_worker
        self._seconds = seconds
        self._clock = clock
        self._pause = pause
        self._since: float | None = None

    def look(self) -> bool:
        """Whether jobs wait and nobody held one for the time, which then begins anew."""
        now = self._clock()
        if not self._store.waiting() or self._store.signs():
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since > self._seconds:
            self._since = None
            return True
        return False

    def run(self, stopping: Flag) -> None:
        """End the worker that takes no job, until ``stopping`` is set."""
        while not stopping.wait(self._pause):
            try:
                if self.look():
                    log.warning("jobs wait and nobody took one for %.0f s", self._seconds)
                    self._end_worker()
            except Exception:  # who can't reach the table takes no jobs, and for a reason
                self._since = None
                log.exception("the waiting jobs could not be looked at")
