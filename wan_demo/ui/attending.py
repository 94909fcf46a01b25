"""Events that also do the job which they submit: where a GPU is lent to an event (ZeroGPU)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextvars import ContextVar
from functools import wraps
from typing import Any

import gradio as gr

from wan_demo.attended import Attend
from wan_demo.domain.job import Job

AT_ONCE = 20
"""Events that may do jobs at the same time, with as many of Gradio's 40 threads. ZeroGPU lends
each a GPU of its own, and lets those wait that it has none for."""

GPU = "gpu"
"""What all of them are counted by together."""

OPTIONS: dict[str, Any] = {
    "queue": True,
    "concurrency_limit": AT_ONCE,
    "concurrency_id": GPU,
    "trigger_mode": "multiple",  # a second video may be asked for while the first is made
}
"""Of such an event of the page."""

PROMISE = "Here a video is made only while its page stays open: to close or reload it ends the job."

_told: ContextVar[list[Job] | None] = ContextVar("told", default=None)


def tell(job: Job) -> None:
    """A job was accepted: whoever attends to the event that submitted it learns of it."""
    jobs = _told.get()
    if jobs is not None:
        jobs.append(job)


def attending(
    handler: Callable[..., Any], attend: Attend, still: Any
) -> Callable[..., Generator[Any, None, None]]:
    """``handler``, and then the jobs that it submitted, done; ``still`` are updates of nothing.

    The event ends with the job, and the job with the event: its page was closed.
    """

    @wraps(handler)
    def run(*given: Any) -> Generator[Any, None, None]:
        jobs: list[Job] = []
        before = _told.set(jobs)
        try:
            updates = handler(*given)
        finally:
            _told.reset(before)
        yield updates
        for job in jobs:
            for _ in attend(job.id):
                yield still

    return run


def refusal(error: Exception) -> str | None:
    """What ZeroGPU says where it lends no GPU or takes it back; None for any other error."""
    if not isinstance(error, gr.Error):
        return None
    title = getattr(error, "title", "")
    return f"{title}: {error.message}" if title not in ("", "Error") else str(error.message)
