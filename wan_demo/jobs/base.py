"""What a job store does. Every implementation passes ``tests/contract/test_job_store.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from wan_demo.domain.job import Failure, Job, Output, Progress
from wan_demo.domain.library import EVERYTHING, Search
from wan_demo.domain.queue import Caps
from wan_demo.domain.request import GenerationRequest, Task


@dataclass(frozen=True)
class Claim:
    """A worker's hold on a job. A later attempt makes it worthless: its writes change nothing."""

    job: Job
    worker: str

    @property
    def fence(self) -> tuple[str, int]:
        """Job id and attempt: what every write of this worker is checked against."""
        return self.job.id, self.job.attempt


def nothing(_job: Job) -> Sequence[Output]:
    """For jobs of which no clip was made."""
    return ()


class JobStore(Protocol):
    """Jobs in fair turns (``domain.queue``). Ends are final: nothing changes a finished job.

    A job that can't be read, as another version wrote it, is logged and as good as not there.
    """

    def add(self, request: GenerationRequest, owner: str, caps: Caps | None = None) -> Job:
        """Accept a job; once this returns it survives a crash.

        Raises QueueFull and TooManyJobs where the caps are reached.
        """
        ...

    def get(self, job_id: str) -> Job | None:
        """The job as it is now, or None."""
        ...

    def list(self, owner: str, limit: int = 50) -> Sequence[Job]:
        """One owner's jobs that are not deleted, newest first."""
        ...

    def library(
        self, owner: str, search: Search = EVERYTHING, limit: int = 50, before: str | None = None
    ) -> Sequence[Job]:
        """The owner's ended jobs that have clips and are not deleted, newest first.

        ``before``, an id, goes on below that job of the owner's, whether it is still there to be
        seen or not.
        """
        ...

    def found(self, owner: str, search: Search = EVERYTHING) -> int:
        """How many jobs ``library`` has in all."""
        ...

    def made(self, owner: str) -> Set[tuple[Task, str]]:
        """The tasks, each with a model, that the owner's ``library`` holds jobs of."""
        ...

    def recent(self, model: str, limit: int = 20) -> Sequence[Job]:
        """Completed jobs of one model, newest first: what estimates learn from."""
        ...

    def alike(self, request: GenerationRequest, limit: int = 20) -> Sequence[Job]:
        """Completed jobs of the same work (``domain.estimate.alike``), accepted last first."""
        ...

    def active(self) -> Sequence[Job]:
        """Every running and waiting job, in the order in which they will be taken."""
        ...

    def open(self) -> Set[str]:
        """The ids of every running and waiting job."""
        ...

    def waiting(self) -> int:
        """How many jobs wait."""
        ...

    def claim(self, worker: str, job_id: str | None = None) -> Claim | None:
        """Take the job whose turn it is; never the same job for two workers.

        With ``job_id`` that very job, if it still waits: for who works for its owner alone.
        """
        ...

    def report(self, claim: Claim, progress: Progress) -> None:
        """Record progress; changes nothing where the claim is no longer valid."""
        ...

    def is_wanted(self, claim: Claim) -> bool:
        """False: stop, a cancel was asked for or the job is no longer this worker's."""
        ...

    def beat(self, claim: Claim) -> None:
        """The claim's worker lives; changes nothing where the claim is no longer valid."""
        ...

    def signs(self) -> Mapping[str, datetime | None]:
        """The last sign of life of every worker that holds a job; it changes with each one."""
        ...

    def complete(self, claim: Claim, outputs: Sequence[Output]) -> bool:
        """End a job with its videos; False where the claim is no longer valid."""
        ...

    def fail(self, claim: Claim, failure: Failure, outputs: Sequence[Output] = ()) -> bool:
        """End a job with a failure and the clips that were made before it.

        False where the claim is no longer valid.
        """
        ...

    def cancelled(self, claim: Claim, outputs: Sequence[Output] = ()) -> bool:
        """End a job whose cancel was seen, with the clips that were made before it.

        False where the claim is no longer valid.
        """
        ...

    def cancel(self, job_id: str, made: Callable[[Job], Sequence[Output]] = nothing) -> Job | None:
        """End a waiting job at once, mark a running one; the job after that, or None.

        A job that waits again keeps the clips that ``made`` finds.
        """
        ...

    def arrange(self, owner: str, job_ids: Sequence[str]) -> None:
        """Put the owner's waiting jobs in this order, in the places that they have together.

        Ids of jobs that wait no more, or are somebody else's, are left out.
        """
        ...

    def requeue(
        self,
        worker: str,
        max_losses: int,
        failure: Failure,
        is_fault: bool,
        made: Callable[[Job], Sequence[Output]] = nothing,
    ) -> Sequence[Job]:
        """Give back what ``worker`` held: to wait again in its old place, cancelled, or failed
        at the limit. Returns the jobs as they are after that.

        ``worker`` is a name, or what stands before the colon in the names of a group. Only a
        fault counts as a loss: a worker that was told to stop may be stopped any number of times.
        A job that ends so keeps the clips that ``made`` finds.
        """
        ...

    def delete(self, owner: str, job_ids: Sequence[str]) -> Sequence[str]:
        """Mark ended jobs of the owner's as deleted; returns the ids of those that now are.

        Jobs under way, deleted ones and others' stay as they are.
        """
        ...

    def restore(self, owner: str, job_ids: Sequence[str], since: datetime) -> Sequence[str]:
        """Take back the marks of ``delete`` that are from ``since`` or later; their ids."""
        ...

    def pin(self, owner: str, job_ids: Sequence[str], is_pinned: bool) -> None:
        """Pin ended jobs of the owner's that are not deleted, or unpin them."""
        ...

    def oldest(self) -> Sequence[str]:
        """Ended jobs that have clips and may be removed, of all owners: not pinned.

        In the order in which they go: what its owner deleted, then the oldest.
        """
        ...

    def expire(self, job_ids: Sequence[str], at: datetime) -> Sequence[str]:
        """Mark jobs of ``oldest`` as deleted at ``at``, unless they were pinned meanwhile.

        Returns the ids so marked.
        """
        ...

    def deleted(self, until: datetime) -> Sequence[str]:
        """The ids of the jobs that were marked as deleted before ``until``."""
        ...

    def forget(self, job_id: str, until: datetime) -> None:
        """Remove the row of a job of ``deleted``; of no other."""
        ...

    def inputs(self) -> Set[str]:
        """The names of all inputs of all jobs; ValueError where a job can't be read."""
        ...

    def uses(self, owner: str, name: str) -> bool:
        """Whether a job of the owner's, not deleted, is made from the input of that name."""
        ...

    def videos(self) -> Set[str]:
        """The file names of every video that a job names; ValueError where one can't be read."""
        ...

    def began(self) -> datetime | None:
        """When the first job was accepted; None where there never was one."""
        ...
