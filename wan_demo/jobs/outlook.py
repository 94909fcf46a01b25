"""One look at the queue for every page that asks, at most half a second old."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from wan_demo.domain.job import Job, Status
from wan_demo.jobs.base import JobStore

LOOK_SECONDS = 0.5

Estimate = Callable[[Sequence[Job]], Sequence[float | None]]
"""Seconds that each of these jobs will still take; None where that is not known."""


@dataclass(frozen=True)
class Place:
    """Where a waiting job stands: jobs before it, and seconds until its start if known."""

    ahead: int
    seconds: float | None


@dataclass(frozen=True)
class _Look:
    taken_at: float
    places: Mapping[str, Place]
    """Of every open job by its id."""
    waiting: Mapping[str, Sequence[tuple[Job, Place]]]
    """By owner."""
    end: Place


class Outlook:
    """Where jobs stand in the queue. Two hundred open pages cost it no more than one.

    Whoever changed the queue sees that at once; what others did, after ``seconds`` at most.
    """

    def __init__(
        self,
        store: JobStore,
        estimate: Estimate,
        seconds: float = LOOK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._estimate = estimate
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._last: _Look | None = None
        self._changed: dict[str, float] = {}

    def changed(self, owner: str) -> None:
        """The owner added, moved or stopped a job: an older look is none for them."""
        with self._lock:
            self._changed[owner] = self._clock()

    def place(self, job: Job) -> Place:
        """Where a waiting job stands; one that waits no more stands in front."""
        return self._look(job.owner, job.id).places.get(job.id, Place(0, 0.0))

    def waiting(self, owner: str) -> Sequence[tuple[Job, Place]]:
        """The owner's waiting jobs and their places, in the order in which they will be taken."""
        return self._look(owner).waiting.get(owner, ())

    def end(self, owner: str = "") -> Place:
        """Where a new job would stand."""
        return self._look(owner).end

    def _look(self, owner: str, job_id: str | None = None) -> _Look:
        with self._lock:  # who asks meanwhile waits for this look, and takes none of their own
            last = self._last
            if last is None or not self._serves(last, owner, job_id):
                self._last = last = self._take()
        return last

    def _serves(self, look: _Look, owner: str, job_id: str | None) -> bool:
        is_young = self._clock() - look.taken_at < self._seconds
        has_seen = self._changed.get(owner, look.taken_at - 1) < look.taken_at
        return is_young and has_seen and (job_id is None or job_id in look.places)

    def _take(self) -> _Look:
        now = self._clock()
        jobs = self._store.active()
        places: dict[str, Place] = {}
        waiting: dict[str, list[tuple[Job, Place]]] = {}
        total: float | None = 0.0
        for ahead, (job, seconds) in enumerate(zip(jobs, self._estimate(jobs), strict=True)):
            places[job.id] = place = Place(ahead, total)
            if job.status is Status.WAITING:
                waiting.setdefault(job.owner, []).append((job, place))
            total = None if total is None or seconds is None else total + seconds
        self._changed = {owner: at for owner, at in self._changed.items() if at >= now}
        return _Look(now, places, waiting, Place(len(jobs), total))
