"""What happens around the stage: a job is submitted, watched, stopped, brought back."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import gradio as gr

from wan_demo.domain.job import Job, Status
from wan_demo.domain.rules import draw_seed
from wan_demo.errors import InvalidRequest, JobFinished, JobNotFound, WanDemoError
from wan_demo.ui import form as f
from wan_demo.ui import key, notices, words
from wan_demo.ui.attending import tell
from wan_demo.ui.brought import Brought
from wan_demo.ui.events import Events, Updates, address_of
from wan_demo.ui.layout import BUSY_TICK, IDLE_TICK
from wan_demo.ui.newcomers import Newcomers
from wan_demo.ui.stage import render_lost, render_stage
from wan_demo.ui.strip import LENGTH, render_strip
from wan_demo.ui.waiting import render_waiting


class StageEvents(Events):
    """Generate, Stop, the look at the queue, the strip."""

    is_attended = False
    """Whether the page's events do the jobs that they submit, and end them when they end."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._newcomers = Newcomers()
        self._brought = Brought()

    def generate(self, values: f.Values, request: gr.Request) -> Updates:
        """Enqueue what the form says; a refusal stays on the page and nothing is queued."""
        missing = self._missing(values)
        if missing:
            return {self._at.plan: notices.render_ask(missing, is_urgent=True)}
        given = self._given(values)
        if not values[self._at.lock] or given.get("seed") is None:
            given["seed"] = draw_seed()
        return self._submit(given, self._owner(values, request), request)

    def again(self, values: f.Values, request: gr.Request) -> Updates:
        """The shown job once more, with another seed."""
        return self._again(self._shown(values), self._owner(values, request), request)

    def _again(self, job_id: str, owner: str, request: gr.Request) -> Updates:
        try:
            job = self._service.get(job_id, owner)
        except JobNotFound as error:
            return {self._at.plan: notices.render_ask(str(error))}
        given = {**self._reusable(job, owner), "seed": draw_seed()}
        return self._submit(given, owner, request)

    def _submit(self, given: dict[str, Any], owner: str, request: gr.Request) -> Updates:
        try:
            job = self._service.submit(given, owner, address_of(request))
        except InvalidRequest as error:
            return {self._at.plan: notices.render_refusal(error)}
        except WanDemoError as error:
            return {self._at.plan: notices.render_ask(str(error))}
        tell(job)
        return {
            self._at.form.seed: job.request.seed,
            **self._bring(job, owner, request),
        }

    def stop(self, values: f.Values, request: gr.Request) -> Updates:
        """Stop the shown job; pressing it too late changes nothing."""
        owner = self._owner(values, request)
        try:
            job = self._service.cancel(self._shown(values), owner)
        except (JobNotFound, JobFinished):
            return self.now(values, request)
        return self._show(job, owner)

    def poll(self, values: f.Values, request: gr.Request) -> Updates:
        """The page's look at its job, its strip and the queue."""
        if not values[self._at.key.shown]:  # the page's first event did not reach us, or is slow
            return self.load(values, request)
        self._newcomers.known(request)
        updates = self.now(values, request)
        is_late = self._brought.is_late(request.session_hash, self._shown(values))
        return {self._at.stage: gr.skip()} if is_late else updates

    def load(self, values: f.Values, request: gr.Request) -> Updates:
        """A page opens: with the job of its address, else the owner's under way, or the latest.

        Before it knows whose it is nothing can be made: that would be lost where no cookie is kept.
        """
        owner = self._newcomers.first(request, self._owner(values, request))
        opened = {
            self._at.key.shown: self._links.sign_owner(owner),
            self._at.generate: gr.Button(interactive=True),
        }
        token = (values[self._state.address] or "").encode(errors="replace").decode()
        if token:  # as it can be answered: half a character can't
            return {**opened, self._state.job: token, **self._look(token, owner)}
        return {**opened, **self._bring(self._latest(owner), owner, request)}

    def _latest(self, owner: str) -> Job | None:
        jobs = self._service.list(owner, LENGTH)
        active = [job for job in jobs if not job.status.is_final]
        return next(iter(active or jobs), None)

    def show(self, values: f.Values, event: gr.EventData, request: gr.Request) -> Updates:
        """A clip of the strip comes to the stage."""
        job = self._find(self._told(event, "job"))
        return self._bring(job, self._owner(values, request), request)

    def sooner(self, values: f.Values, event: gr.EventData, request: gr.Request) -> Updates:
        """A waiting job changes places with the one before it."""
        return self._move(values, event, request, -1)

    def later(self, values: f.Values, event: gr.EventData, request: gr.Request) -> Updates:
        """A waiting job changes places with the one after it."""
        return self._move(values, event, request, 1)

    def _move(self, values: f.Values, event: gr.EventData, request: gr.Request, by: int) -> Updates:
        with suppress(JobNotFound):
            job_id = self._id_of(self._told(event, "job"))
            self._service.move(job_id, self._owner(values, request), by)
        return self.now(values, request)

    def double(self, values: f.Values, event: gr.EventData, request: gr.Request) -> Updates:
        """A waiting job once more, with another seed; the stage and the form stay as they are."""
        job_id, owner = self._id_of(self._told(event, "job")), self._owner(values, request)
        updates = self._again(job_id, owner, request)
        self._brought.bring(request.session_hash, self._shown(values))
        kept = {self._state.job: gr.skip(), self._at.form.seed: gr.skip()}
        return {**updates, **self.now(values, request), **kept}

    def cancel(self, values: f.Values, event: gr.EventData, request: gr.Request) -> Updates:
        """A waiting job is taken out of the queue."""
        with suppress(JobNotFound, JobFinished):
            job_id = self._id_of(self._told(event, "job"))
            self._service.cancel(job_id, self._owner(values, request))
        return self.now(values, request)

    def enter(self, values: f.Values, request: gr.Request) -> Updates:
        """Another key: its owner's clips take the place of these, whose key is kept beside it."""
        entered = (values[self._at.key.entered] or "").strip()
        owner = self._links.read_owner(entered)
        if owner is None:
            return {self._at.key.said: key.REFUSED}
        former = values[self._at.key.shown] or ""
        return {
            self._at.key.shown: entered,
            self._at.key.entered: former if self._links.read_owner(former) else "",
            self._at.key.said: key.ENTERED,
            **self._bring(self._latest(owner), owner, request),
        }

    def _bring(self, job: Job | None, owner: str, request: gr.Request) -> Updates:
        """Another job comes to the stage. Only what a person did may change which one is there.

        A look at the queue that began before that may well answer after it.
        """
        self._brought.bring(request.session_hash, job.id if job else "")
        return {self._state.job: self._links.job(job.id) if job else "", **self._show(job, owner)}

    def now(self, values: f.Values, request: gr.Request) -> Updates:
        """The stage, the strip and the queue as they are."""
        return self._look(values[self._state.job], self._owner(values, request))

    def _look(self, token: str, owner: str) -> Updates:
        """What there is to see of a job by its token now."""
        job = self._find(token)
        lost = {self._at.stage: render_lost()} if token and job is None else {}
        return {**self._show(job, owner), **lost}

    def _show(self, job: Job | None, owner: str) -> Updates:
        jobs = self._service.list(owner, LENGTH)
        place = self._service.place(job) if job and job.status is Status.WAITING else None
        is_mine = bool(job and job.owner == owner)
        may_stop = bool(job and is_mine and not job.status.is_final)
        any_active = any(not other.status.is_final for other in (job, *jobs) if other)
        return {
            self._at.stage: render_stage(job, place, self._links, is_mine, self.is_attended),
            self._at.waiting: render_waiting(self._service.waiting(owner), self._links),
            self._at.strip: render_strip(jobs, job.id if job else "", self._links),
            self._at.stop: gr.Button(interactive=may_stop),
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
