"""Jobs in this process's memory: for one-off runs from the shell, and for tests."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from wan_demo.domain.estimate import alike
from wan_demo.domain.job import Failure, Job, Output, Progress, Status
from wan_demo.domain.queue import Caps, Turn, kind_of, order
from wan_demo.domain.request import GenerationRequest
from wan_demo.jobs.base import Claim, nothing
from wan_demo.jobs.memory_library import MemoryLibrary


class MemoryJobStore(MemoryLibrary):
    """A JobStore that lives as long as its process."""

    def __init__(self) -> None:
        super().__init__()
        self._workers: dict[str, str] = {}
        self._seen: dict[str, datetime] = {}
        self._losses: Counter[str] = Counter()
        self._places: dict[str, int] = {}
        self._turns: dict[str, int] = {}
        self._count = count()

    def add(self, request: GenerationRequest, owner: str, caps: Caps | None = None) -> Job:
        job = Job(
            id=secrets.token_urlsafe(12),
            owner=owner,
            request=request,
            status=Status.WAITING,
            created_at=_now(),
        )
        with self._lock:
            waiting = self._with(Status.WAITING)
            if caps is not None:
                caps.check(len(waiting), sum(other.owner == owner for other in waiting))
            self._places[job.id] = len(self._places)
            self._jobs[job.id] = job
        return job

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def list(self, owner: str, limit: int = 50) -> Sequence[Job]:
        mine = [job for job in self._jobs.values() if job.owner == owner]
        return [job for job in mine[::-1] if job.deleted_at is None][:limit]

    def recent(self, model: str, limit: int = 20) -> Sequence[Job]:
        done = [job for job in self._with(Status.COMPLETED) if job.request.model == model]
        return done[::-1][:limit]

    def alike(self, request: GenerationRequest, limit: int = 20) -> Sequence[Job]:
        work = alike(request)
        return [job for job in self._with(Status.COMPLETED) if alike(job.request) == work][
            : -limit - 1 : -1
        ]

    def active(self) -> Sequence[Job]:
        return self._with(Status.RUNNING) + self._queue()

    def open(self) -> Set[str]:
        return {job.id for job in self.active()}

    def waiting(self) -> int:
        return len(self._with(Status.WAITING))

    def claim(self, worker: str, job_id: str | None = None) -> Claim | None:
        with self._lock:
            waiting = (job for job in self._queue() if job_id in (None, job.id))
            job = next(waiting, None)
            if job is None:
                return None
            self._workers[job.id] = worker
            self._turns[job.id] = next(self._count)
            self._seen[worker] = _now()
            started = self._set(
                job, status=Status.RUNNING, attempt=job.attempt + 1, started_at=_now()
            )
            return Claim(started, worker)

    def report(self, claim: Claim, progress: Progress) -> None:
        with self._lock:
            job = self._held(claim)
            if job is not None:
                self._set(job, progress=progress)

    def is_wanted(self, claim: Claim) -> bool:
        job = self._held(claim)
        return job is not None and not job.cancel_requested

    def beat(self, claim: Claim) -> None:
        with self._lock:
            if self._held(claim) is not None:
                self._seen[claim.worker] = _now()

    def signs(self) -> Mapping[str, datetime | None]:
        with self._lock:
            holders = {self._workers[job.id] for job in self._with(Status.RUNNING)}
            return {worker: self._seen[worker] for worker in holders}

    def complete(self, claim: Claim, outputs: Sequence[Output]) -> bool:
        return self._end(claim, status=Status.COMPLETED, outputs=tuple(outputs))

    def fail(self, claim: Claim, failure: Failure, outputs: Sequence[Output] = ()) -> bool:
        return self._end(claim, status=Status.FAILED, failure=failure, outputs=tuple(outputs))

    def cancelled(self, claim: Claim, outputs: Sequence[Output] = ()) -> bool:
        return self._end(claim, status=Status.CANCELLED, outputs=tuple(outputs))

    def cancel(self, job_id: str, made: Callable[[Job], Sequence[Output]] = nothing) -> Job | None:
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.status.is_final:
                return job
            if job.status is Status.WAITING:
                clips = tuple(made(job))
                return self._set(job, status=Status.CANCELLED, finished_at=_now(), outputs=clips)
            return self._set(job, cancel_requested=True)

    def arrange(self, owner: str, job_ids: Sequence[str]) -> None:
        with self._lock:
            mine = {job.id: job for job in self._with(Status.WAITING) if job.owner == owner}
            there = [mine[job_id] for job_id in dict.fromkeys(job_ids) if job_id in mine]
            places = sorted(self._places[job.id] for job in there)
            self._places.update(zip((job.id for job in there), places, strict=True))

    def requeue(
        self,
        worker: str,
        max_losses: int,
        failure: Failure,
        is_fault: bool,
        made: Callable[[Job], Sequence[Output]] = nothing,
    ) -> Sequence[Job]:
        with self._lock:
            held = [
                job
                for job in self._with(Status.RUNNING)
                if worker in (self._workers[job.id], self._workers[job.id].partition(":")[0])
            ]
            self._losses.update(job.id for job in held if is_fault)
            given_back = [self._give_back(job, max_losses, failure) for job in held]
            return [
                self._set(job, outputs=tuple(made(job))) if job.status.is_final else job
                for job in given_back
            ]

    def videos(self) -> Set[str]:
        return {output.file for job in self._jobs.values() for output in job.outputs}

    def began(self) -> datetime | None:
        return min((job.created_at for job in self._jobs.values()), default=None)

    def _give_back(self, job: Job, max_losses: int, failure: Failure) -> Job:
        if job.cancel_requested:
            return self._set(job, status=Status.CANCELLED, finished_at=_now())
        if self._losses[job.id] >= max_losses:
            return self._set(job, status=Status.FAILED, failure=failure, finished_at=_now())
        return self._set(job, status=Status.WAITING, progress=Progress(), started_at=None)

    def _end(self, claim: Claim, **changes: Any) -> bool:
        with self._lock:
            job = self._held(claim)
            if job is not None:
                self._set(job, finished_at=_now(), **changes)
            return job is not None

    def _held(self, claim: Claim) -> Job | None:
        """The job while this claim still holds it."""
        job = self._jobs.get(claim.job.id)
        if job is None or job.status is not Status.RUNNING or job.attempt != claim.job.attempt:
            return None
        return job

    def _queue(self) -> list[Job]:  # type: ignore[valid-type]
        """The waiting jobs in the order of their turns."""
        started = [job for job in self._jobs.values() if job.started_at]
        started.sort(key=lambda job: self._turns[job.id])
        waiting = sorted(self._with(Status.WAITING), key=lambda job: self._places[job.id])
        taken = order(map(_turn, waiting), [_turn(job) for job in started])
        return [self._jobs[turn.job_id] for turn in taken]

    def _set(self, job: Job, **changes: Any) -> Job:
        self._jobs[job.id] = replace(job, **changes)
        return self._jobs[job.id]

    def _with(self, status: Status) -> list[Job]:  # type: ignore[valid-type]
        return [job for job in self._jobs.values() if job.status is status]


def _turn(job: Job) -> Turn:
    return Turn(job.id, job.owner, kind_of(job.request))


def _now() -> datetime:
    return datetime.now(UTC)
