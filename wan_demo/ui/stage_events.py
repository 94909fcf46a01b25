"""What happens around the stage: a job is submitted, watched, stopped, brought back."""

from __future__ import annotations

from typing import Any

import gradio as gr

from wan_demo.domain.job import Job, Status
from wan_demo.domain.rules import draw_seed
from wan_demo.errors import InvalidRequest, JobFinished, JobNotFound, WanDemoError
from wan_demo.ui import form as f
from wan_demo.ui import notices, words
from wan_demo.ui.events import Events, Updates, owner_of
from wan_demo.ui.layout import BUSY_TICK, IDLE_TICK
from wan_demo.ui.stage import render_stage
from wan_demo.ui.strip import LENGTH, render_strip


class StageEvents(Events):
    """Generate, Stop, the look at the queue, the strip."""

    def generate(self, values: f.Values, request: gr.Request) -> Updates:
        """Enqueue what the form says; a refusal stays on the page and nothing is queued."""
        missing = self._missing(values)
        if missing:
            return {self._at.plan: notices.render_ask(missing, is_urgent=True)}
        given = self._given(values)
        if not values[self._at.lock] or given.get("seed") is None:
            given["seed"] = draw_seed()
        return self._submit(given, self._owner(values, request))

    def again(self, values: f.Values, request: gr.Request) -> Updates:
        """The shown job once more, with another seed."""
        try:
            given = self._reusable(
                self._service.get(self._shown(values), self._owner(values, request))
            )
        except JobNotFound as error:
            return {self._at.plan: notices.render_ask(str(error))}
        return self._submit({**given, "seed": draw_seed()}, self._owner(values, request))

    def _submit(self, given: dict[str, Any], owner: str) -> Updates:
        try:
            job = self._service.submit(given, owner)
        except InvalidRequest as error:
            return {self._at.plan: notices.render_refusal(error)}
        except WanDemoError as error:
            return {self._at.plan: notices.render_ask(str(error))}
        return {
            self._state.job_id: job.id,
            self._at.form.seed: job.request.seed,
            **self._show(job, owner),
        }

    def stop(self, values: f.Values, request: gr.Request) -> Updates:
        """Stop the shown job; pressing it too late changes nothing."""
        owner = self._owner(values, request)
        try:
            job = self._service.cancel(self._shown(values), owner)
        except (JobNotFound, JobFinished):
            return self.poll(values, request)
        return self._show(job, owner)

    def poll(self, values: f.Values, request: gr.Request) -> Updates:
        """The page's look at its job, its strip and the queue."""
        owner = self._owner(values, request)
        return self._show(self._find(self._shown(values), owner), owner)

    def load(self, request: gr.Request) -> Updates:
        """A page opens: back to the owner's job under way, or to the latest one."""
        owner = owner_of(request)
        jobs = self._service.list(owner, LENGTH)
        active = [job for job in jobs if not job.status.is_final]
        latest = (active or list(jobs) or [None])[0]
        return {
            self._state.owner: owner,
            self._state.job_id: latest.id if latest else "",
            **self._show(latest, owner),
        }

    def show(self, values: f.Values, event: gr.EventData, request: gr.Request) -> Updates:
        """A clip of the strip comes to the stage."""
        owner = self._owner(values, request)
        job = self._find(self._told(event, "job"), owner)
        return {self._state.job_id: job.id if job else "", **self._show(job, owner)}

    def _show(self, job: Job | None, owner: str) -> Updates:
        jobs = self._service.list(owner, LENGTH)
        place = self._service.place(job) if job and job.status is Status.WAITING else None
        is_active = job is not None and not job.status.is_final
        any_active = any(not other.status.is_final for other in jobs)
        return {
            self._at.stage: render_stage(job, place, self._links),
            self._at.strip: render_strip(jobs, job.id if job else "", self._links),
            self._at.stop: gr.Button(interactive=is_active),
            self._at.queue: self._queue_line(owner),
            self._at.timer: gr.Timer(BUSY_TICK if any_active else IDLE_TICK),
        }

    def _queue_line(self, owner: str) -> str:
        queue = self._service.queue(owner)
        if not queue.ahead:
            return "<span>Queue empty</span>"
        wait = f", about {words.duration(queue.seconds)}" if queue.seconds else ""
        jobs = "1 job" if queue.ahead == 1 else f"{queue.ahead} jobs"
        return f"<span>{jobs} in the queue{wait}</span>"
