"""Jobs that are done only while whoever asked for them waits.

Where a GPU is lent to an event of the page (ZeroGPU), the event that submits a job also does it, on
its own account, and the job ends with the event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from contextvars import copy_context
from threading import Event as Flag
from threading import Thread
from typing import TypeAlias

from wan_demo.clips import failure_of
from wan_demo.domain.job import Job, Output
from wan_demo.errors import ClientGone
from wan_demo.jobs.base import Claim, JobStore
from wan_demo.worker import Worker

log = logging.getLogger(__name__)

TICK_SECONDS = 0.5
"""How often the event is asked whether it still goes on."""

Attend: TypeAlias = Callable[[str], Generator[None, None, None]]
"""Does the job of an id and yields every now and then until its end.

Closing the iterator ends the job as failed: nobody waits for it any more.
"""


class Attendant:
    """Does each job in a thread that has its event's context: whose GPU it is, that says.

    The event's own thread can't be the one. Gradio closes an iterator from its event loop, which
    would stand still for everybody until the job has seen its stop, at its next step.
    """

    def __init__(self, store: JobStore, worker: Worker, seconds: float = TICK_SECONDS) -> None:
        self._store = store
        self._worker = worker
        self._seconds = seconds

    def attend(self, job_id: str) -> Generator[None, None, None]:
        """See ``Attend``; a job that waits no more is nobody's to do."""
        claim = self._store.claim(self._worker.name, job_id)
        if claim is None:
            return
        gone, over = Flag(), Flag()
        work = copy_context().run
        arguments = (self._do, claim, gone, over)
        Thread(target=work, args=arguments, name=f"job {job_id}", daemon=True).start()
        try:
            while not over.wait(self._seconds):
                yield
        finally:
            gone.set()

    def _do(self, claim: Claim, gone: Flag, over: Flag) -> None:
        try:
            self._worker.do(claim, Flag(), gone)
        except Exception:  # the table is away for good: the next start ends the job
            log.exception("the end of job %s could not be recorded", claim.job.id)
        finally:
            over.set()


def end_unattended(store: JobStore, made: Callable[[Job], Sequence[Output]], name: str) -> None:
    """End every job that waits: those who waited for it went when the last server ended."""
    while (claim := store.claim(name)) is not None:
        store.fail(claim, failure_of(ClientGone(), claim.job.id), made(claim.job))
