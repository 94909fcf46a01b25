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
from wan_demo.jobs.looks import keep_looking

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
        """Look until ``stopping`` is set."""
        keep_looking(self.look, self._pause, stopping)

    def look(self) -> None:
        """Give back what silent workers hold."""
        for worker in self.silent():
            log.warning("no sign of life from %s for %.0f s", worker, self._seconds)
            self._give_back(worker, True)


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

    def is_idle(self) -> bool:
        """Whether jobs wait and nobody held one for the time, which then begins anew.

        It does so too where the table can't be asked: who can't reach it takes no jobs, either.
        """
        since, self._since = self._since, None
        if not self._store.waiting() or self._store.signs():
            return False
        now = self._clock()
        if since is not None and now - since > self._seconds:
            return True
        self._since = now if since is None else since
        return False

    def look(self) -> None:
        """End the worker that takes no job."""
        if self.is_idle():
            log.warning("jobs wait and nobody took one for %.0f s", self._seconds)
            self._end_worker()

    def run(self, stopping: Flag) -> None:
        """Look until ``stopping`` is set."""
        keep_looking(self.look, self._pause, stopping)
