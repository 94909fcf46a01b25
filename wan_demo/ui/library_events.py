"""What happens in the Library: clips are found, opened, pinned, deleted and had back."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from wan_demo.domain.job import Job
from wan_demo.domain.library import EVERYTHING, Search
from wan_demo.domain.request import Task
from wan_demo.errors import InvalidRequest, JobNotFound, PinsFull, WanDemoError
from wan_demo.ui import form as f
from wan_demo.ui import words
from wan_demo.ui.events import Events, Updates
from wan_demo.ui.library import deleted, render_clip, render_notice, render_shelf
from wan_demo.ui.library_layout import ALL_MODELS, ALL_TASKS, MOST_CARDS, PAGE, LibraryParts


class LibraryEvents(Events):
    """Everything in the Library that leaves the form alone."""

    @property
    def _parts(self) -> LibraryParts:
        return self._at.library

    def look(self, values: f.Values, request: gr.Request) -> Updates:
        """The tab is opened, or something may have come to it."""
        return self._draw(values, self._owner(values, request))

    def arrive(self, values: f.Values, request: gr.Request) -> Updates:
        """Somebody's Library, by their key."""
        return {**self.look(values, request), **self.close()}

    def find(self, values: f.Values, request: gr.Request) -> Updates:
        """Another search begins at its first page."""
        first = {self._parts.limit: PAGE}
        return {**self._draw({**values, **first}, self._owner(values, request)), **first}

    def clear(self, values: f.Values, request: gr.Request) -> Updates:
        """No search at all."""
        parts = self._parts
        everything = {parts.search: "", parts.task: "", parts.model: ""}
        return {**everything, **self.find({**values, **everything}, request)}

    def more(self, values: f.Values, request: gr.Request) -> Updates:
        """Another page of the same search, below."""
        limit = {self._parts.limit: min(values[self._parts.limit] + PAGE, MOST_CARDS)}
        return {**self._draw({**values, **limit}, self._owner(values, request)), **limit}

    def open(self, values: f.Values, event: gr.EventData, request: gr.Request) -> Updates:
        """A card is opened, or another clip of the one that is."""
        return self._open(self._told_job(values, event, request), self._told_clip(event))

    def close(self) -> Updates:
        """Back to the cards."""
        return {self._parts.clip: "", self._parts.opened: ""}

    def pin(self, values: f.Values, event: gr.EventData, request: gr.Request) -> Updates:
        """A clip is kept whatever the disk's budget, or no longer."""
        owner, job_id = self._owner(values, request), self._id_of(self._told(event, "job"))
        try:
            self._service.library.pin(owner, job_id, bool(self._told(event, "pin")))
        except PinsFull as error:
            return {self._at.notice: render_notice(str(error), is_bad=True)}
        drawn = self._draw(values, owner)
        if values[self._parts.opened] != job_id:
            return drawn
        return {**drawn, **self.open(values, event, request)}

    def delete(self, values: f.Values, event: gr.EventData, request: gr.Request) -> Updates:
        """Clips are gone, with a button that has them back."""
        owner = self._owner(values, request)
        try:
            gone = self._service.library.delete(owner, self._told_jobs(event))
        except WanDemoError as error:
            said = render_notice(str(error), is_bad=True)
        else:
            said = render_notice(deleted(len(gone)), tuple(map(self._links.job, gone)))
        return {**self._draw(values, owner), **self.close(), self._at.notice: said}

    def undo(self, values: f.Values, event: gr.EventData, request: gr.Request) -> Updates:
        """What was deleted last comes back."""
        owner = self._owner(values, request)
        back = self._service.library.restore(owner, self._told_jobs(event))
        said = "" if back else render_notice("It is too late to have that back.", is_bad=True)
        return {**self._draw(values, owner), self._at.notice: said}

    def dismiss(self) -> Updates:
        """The line at the edge goes."""
        return {self._at.notice: ""}

    def _draw(self, values: f.Values, owner: str) -> Updates:
        """The cards, and the filters: only what one has clips of."""
        parts, library = self._parts, self._service.library
        made = library.made(owner)
        search = Search.of(values[parts.search] or "", *self._filters(values))
        page = library.page(owner, search, values[parts.limit])
        marked = library.budget.next_to_go()
        done = {task for task, _ in made}
        tasks = [(words.TASK_TITLES[task], task.value) for task in Task if task in done]
        models = sorted((self._title(model), model) for model in {model for _, model in made})
        return {
            parts.shelf: render_shelf(
                page, search != EVERYTHING, self._links, marked, library.budget.max_bytes
            ),
            parts.task: gr.Dropdown(choices=[ALL_TASKS, *tasks]),
            parts.model: gr.Dropdown(choices=[ALL_MODELS, *models]),
        }

    def _filters(self, values: f.Values) -> tuple[str, str]:
        return str(values[self._parts.task] or ""), str(values[self._parts.model] or "")

    def _open(self, job: Job | None, clip: int) -> Updates:
        if job is None or not job.outputs:
            return self.close()
        is_next = job.id in self._service.library.budget.next_to_go()
        shown = render_clip(job, min(clip, len(job.outputs) - 1), self._links, is_next)
        return {self._parts.clip: shown, self._parts.opened: job.id}

    def _title(self, model: str) -> str:
        try:
            return self._service.models.find(model).title
        except InvalidRequest:  # one of a person's own that is gone
            return model

    def _told_job(self, values: f.Values, event: gr.EventData, request: gr.Request) -> Job | None:
        """One's own job that a button is about."""
        job_id = self._id_of(self._told(event, "job"))
        try:
            return self._service.get(job_id, self._owner(values, request))
        except JobNotFound:
            return None

    def _told_jobs(self, event: gr.EventData) -> Sequence[str]:
        """The jobs of a button for several, or the one of a button for one."""
        told = self._told(event, "jobs") or self._told(event, "job")
        return [self._id_of(token) for token in told.split(",")[:MOST_CARDS]]
