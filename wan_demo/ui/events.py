"""What every event of the page can count on: who asks, which job and model it is about."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import gradio as gr

from wan_demo.domain.files import exchanged
from wan_demo.domain.job import Job
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.rates import key_of
from wan_demo.domain.request import Task
from wan_demo.errors import JobNotFound
from wan_demo.media.links import Links, new_owner
from wan_demo.service import Service
from wan_demo.ui import beginning
from wan_demo.ui import form as f
from wan_demo.ui.layout import Layout
from wan_demo.ui.reload import FILES

SINGLE_CALLS = "/gradio_api/call/"
"""Gradio's route for one call at a time; each has a session of its own."""

Updates = dict[Any, Any]
"""New values, or components with new properties, by component."""


@dataclass(frozen=True)
class State:
    """What one open page remembers, and what the browser tells with each event.

    ``model``: the form's, before a change. ``preferred``: the one that a person chose last, for
    tabs that can have it. ``sizes``: width and height that each tab was left with, by task.
    ``awaited``: the SHA-256 of the picture or video that settings which came
    back still lack; empty where there is none. The others lie in the browser, where they survive a
    restart of the server: ``task``, the tab; ``fitted``, the task that the form was last made to
    fit; ``outdated``, an example's prompt that goes as an upload has come; ``address``, what
    ``?job=`` says; ``job``, the token of the job on the stage (``Links.job``).
    """

    model: gr.State
    preferred: gr.State
    sizes: gr.State
    awaited: gr.State
    task: gr.Textbox
    fitted: gr.Textbox
    outdated: gr.Textbox
    address: gr.Textbox
    job: gr.Textbox

    @classmethod
    def build(cls, spec: ModelSpec) -> State:
        """As a page remembers when it has just opened with a model."""
        return cls(
            model=gr.State(spec.id),
            preferred=gr.State(spec.id),
            sizes=gr.State({}),
            awaited=gr.State(""),
            task=gr.Textbox(Task.TEXT_TO_VIDEO.value, visible=False, elem_id="told-task"),
            fitted=gr.Textbox(Task.TEXT_TO_VIDEO.value, visible=False),
            outdated=gr.Textbox("", visible=False),
            address=gr.Textbox("", visible=False, elem_id="told-address"),
            job=gr.Textbox("", visible=False),
        )


class Events:
    """Base of the page's events: thin over the service, and done at once.

    ``values`` is what ``inputs=set(...)`` hands over: values by component.
    """

    def __init__(self, service: Service, links: Links, layout: Layout, state: State) -> None:
        self._service = service
        self._links = links
        self._at = layout
        self._state = state

    def _owner(self, values: f.Values, request: gr.Request) -> str:
        """Who asks: by the cookie, or by the key on the page where the browser keeps none."""
        remembered = self._links.read_owner(values[self._at.key.shown] or "")
        return remembered if remembered and is_newcomer(request) else owner_of(request)

    def _shown(self, values: f.Values) -> str:
        """The id of the job on the stage; empty where there is none."""
        return self._id_of(values[self._state.job])

    def _id_of(self, token: str | None) -> str:
        return self._links.read_job(token or "") or ""

    def _find(self, token: str | None) -> Job | None:
        """The job of a token, whoever's it is: to have the token is to be allowed to look."""
        try:
            return self._service.look(self._id_of(token))
        except JobNotFound:
            return None

    def _missing(self, values: f.Values) -> str | None:
        """What to say where nothing is wrong yet, but something is still to come."""
        return self._missing_medium(values) or self._missing_prompt(values)

    def _missing_medium(self, values: f.Values) -> str | None:
        task, form = values[self._state.task], self._at.form
        if self._is_continued(values):
            if not values[form.continued]:
                return beginning.ASK
        elif task == Task.IMAGE_TO_VIDEO and not values[form.image]:
            return "Add the picture that the video starts from."
        if "last_image" in self._needs(values) and not values[form.last_image]:
            return "Add the picture that the video ends with."
        if task == Task.VIDEO_TO_VIDEO and not values[form.video]:
            return "Add the video to restyle."
        return None

    def _missing_prompt(self, values: f.Values) -> str | None:
        task, prompt = values[self._state.task], values[self._at.form.prompt]
        if task == Task.IMAGE_TO_VIDEO or (prompt or "").strip():
            return None
        is_edit = task == Task.VIDEO_TO_VIDEO
        return "Say what your video becomes." if is_edit else "Say what the video shows."

    def _is_continued(self, values: f.Values) -> bool:
        """Whether what the form makes goes on from a video."""
        return beginning.is_video(values[self._state.task], values[self._at.form.begin])

    def _needs(self, values: f.Values) -> tuple[str, ...]:
        """The media that the form's model needs for the tab's task; none for what it can't do."""
        spec, task = self._spec(values), values[self._state.task]
        return spec.needs(Task(task)) if task in spec.tasks else ()

    def _reusable(self, job: Job, owner: str) -> dict[str, Any]:
        """A job's request as ``given``: its kept input as a path again, for its owner alone."""
        given = job.request.given()
        for name in FILES:
            kept = given.pop(name, None)
            if kept and job.owner == owner:
                given[name] = exchanged(kept, self._kept)
        return given

    def _kept(self, digest: str) -> str:
        return str(self._service.folder.input(digest))

    def _told(self, event: gr.EventData, name: str) -> str:
        """A ``data-`` attribute of the button that was pressed; empty where it has none."""
        data = event._data
        return str(data.get(name, "")) if isinstance(data, dict) else ""

    def _told_clip(self, event: gr.EventData) -> int:
        """Which of a job's clips a button is about, from 0."""
        told = self._told(event, "clip")
        return int(told) if told.isdecimal() and len(told) < 3 else 0

    def _unchanged(self) -> Updates:
        """No update at all, which Gradio does not take as an empty dict."""
        return {self._at.form.prompt: gr.skip()}

    def _given(self, values: f.Values) -> dict[str, Any]:
        return self._at.form.given(values, values[self._state.task], self._service.models)

    def _spec(self, values: f.Values) -> ModelSpec:
        return self._service.models.find(values[self._at.form.model])


def owner_of(request: gr.Request) -> str:
    """Who asks: by the login where there is one, else as the application's middleware found out."""
    if request.username:
        return f"login-{_digest(request.username)}"
    return getattr(_state_of(request), "owner", None) or new_owner()


def caller_of(request: gr.Request) -> str:
    """Who calls an endpoint: ``owner_of``, and for programs that bring no cookie their session.

    Gradio's word for a caller is as good as any to share the queue by, and opens nothing: what a
    call made stands in its own answer alone. Calls of curl have no such word, but an address.
    """
    if not is_newcomer(request):
        return owner_of(request)
    given: Any = request.request
    is_single = SINGLE_CALLS in given.url.path
    name = given.client.host if is_single and given.client else request.session_hash or ""
    return f"caller-{_digest(f'{is_single} {name}')}"


def address_of(request: gr.Request | None) -> str:
    """Where a request comes from, as ``Service.submit`` counts it."""
    client = getattr(getattr(request, "request", None), "client", None)
    return key_of(client.host if client else None)


def is_newcomer(request: gr.Request) -> bool:
    """Whether the request came without a cookie of ours, and without a login."""
    return not request.username and getattr(_state_of(request), "is_newcomer", True)


def _state_of(request: gr.Request) -> Any:
    return getattr(request.request, "state", None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]
