"""Clips that come back into the form: their settings, their video, one of their frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from wan_demo.domain.control import control
from wan_demo.domain.files import each, exchanged
from wan_demo.domain.job import Job
from wan_demo.domain.memory import AUTOMATIC
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import INPUTS, GenerationRequest, Task
from wan_demo.domain.size import fit_ratio
from wan_demo.errors import InvalidRequest
from wan_demo.media.record import read_request, shown
from wan_demo.ui import advanced, beginning, edit, notices, words
from wan_demo.ui import form as f
from wan_demo.ui.compare import render_sheet_link
from wan_demo.ui.events import Updates
from wan_demo.ui.form_events import FormEvents, seconds_of, sides_of, sides_of_request
from wan_demo.ui.library import render_notice
from wan_demo.ui.models import ordered
from wan_demo.ui.values import lend, lend_made

_SUFFIX = {"video": ".mp4"}
"""A mask may be either; what it is is told by its content."""

_MAY_BE_LACKING = {"mask", "reference_images"}
"""Files that a request need not have: those of another must not stay in the form."""

_LEFT_OPEN = {
    "profile": AUTOMATIC,
    "precision": AUTOMATIC,
    "duration": "",
    **{name: open_ for name, open_ in advanced.OPEN.items() if name not in edit.OPEN},
}
"""What the form shows for what a request says nothing of."""


class ClipEvents(FormEvents):
    """The stage's and the Library's buttons that fill the form, and files made by the app.

    A button of the Library says which job and clip it is about; the stage's are about the job
    that is shown there.
    """

    def reuse(self, values: f.Values, event: gr.EventData, request: gr.Request) -> Updates:
        """A job's settings go into the form, its seed kept."""
        job = self._asked(values, event)
        if job is None:
            return self._unchanged()
        is_mine = job.owner == self._owner(values, request)
        media = self._files(job.request, self._service.folder.input) if is_mine else {}
        made = job.request
        if self._told(event, "clip"):
            made = made.single(self._told_clip(event))
        try:
            return self._take_over(made, media, values)
        except OSError:
            return self._gone()
        except InvalidRequest as error:  # the model is one of a person's own that is gone
            return {self._at.plan: notices.render_refusal(error)}

    def open_file(self, values: f.Values, request: gr.Request) -> Updates:
        """The settings of an MP4 made by the app go into the form, whoever made it.

        Its picture or video comes only for somebody who used that very one: what a stranger's
        file names is nobody's to have.
        """
        done = {self._at.clip_file: None}
        path = values[self._at.clip_file]
        if not path:
            return done
        try:
            found = read_request(Path(str(path)))
            owner = self._owner(values, request)
            media = self._own_inputs(found, owner)
            return {**self._take_over(found, media, values), **self._restored(found, media), **done}
        except InvalidRequest as error:
            return {self._at.notice: render_notice(_refused(error), is_bad=True), **done}

    def animate(self, values: f.Values, event: gr.EventData) -> Updates:
        """The frame that the player shows becomes the first frame of a new video."""
        job = self._finished(values, event)
        if job is None:
            return self._unchanged()
        time, clip = seconds_of(self._told(event, "time")), self._clip_of(job, event)
        try:
            image = lend_made("frame.png", lambda to: self._service.save_frame(job, time, to, clip))
        except (OSError, InvalidRequest):
            return self._gone()
        size = sides_of_request(job.request)
        shown = {"begin": beginning.PICTURE, "image": image, **size}
        shown["prompt"] = job.request.prompt
        return {**self._at.form.updates(shown), **self._go_to(Task.IMAGE_TO_VIDEO)}

    def extend(self, values: f.Values, event: gr.EventData) -> Updates:
        """A video goes to Image to video, to be gone on with as it was made."""
        job = self._finished(values, event)
        if job is None:
            return self._unchanged()
        try:
            video = self._lent_clip(job, event)
        except OSError:
            return self._gone()
        spec = self._able(job.request.model, values)
        is_new = values[self._at.form.model] != spec.id
        given = {**_to_continue(job.request, spec, is_new), **beginning.begun(video)}
        return {
            **self._for_model(spec, given, Task.IMAGE_TO_VIDEO),
            **self._fill(spec, given),
            self._state.preferred: spec.id,
            **self._go_to(Task.IMAGE_TO_VIDEO),
        }

    def _able(self, model: str, values: f.Values) -> ModelSpec:
        """A clip's model where it can go on from one, else the form's, else the first that can."""
        able = {spec.id: spec for spec in ordered(self._service, Task.IMAGE_TO_VIDEO)}
        return able.get(model) or able.get(values[self._at.form.model]) or next(iter(able.values()))

    def edit(self, values: f.Values, event: gr.EventData) -> Updates:
        """A video goes to Style edit."""
        job = self._finished(values, event)
        if job is None:
            return self._unchanged()
        try:
            video = self._lent_clip(job, event)
        except OSError:
            return self._gone()
        length = {"num_frames": job.request.num_frames, "duration": job.request.duration or ""}
        shown = {"video": video, **edit.WHOLE, **length, **sides_of_request(job.request)}
        return {**self._at.form.updates(shown), **self._go_to(Task.VIDEO_TO_VIDEO)}

    def sheet(self, values: f.Values, event: gr.EventData) -> Updates:
        """A contact sheet of an edit: what it was made of above what became of it."""
        job = self._finished(values, event)
        if job is None:
            return {self._at.sheet: gr.skip()}
        clip = self._clip_of(job, event)
        try:
            path = lend_made(
                "contact-sheet.png", lambda to: self._service.save_sheet(job, to, clip)
            )
        except (OSError, InvalidRequest):
            return self._gone()
        return {self._at.sheet: render_sheet_link(Path(path))}

    def _take_over(
        self, made: GenerationRequest, media: Mapping[str, Any], values: f.Values
    ) -> Updates:
        """The form as it was for a request; raises OSError for media that are gone, InvalidRequest
        for a model that is gone or can't do such a thing.

        The edit's own controls stay as they are where the request is none, and the model the same.
        """
        spec = self._service.models.find(made.model)
        if made.task not in spec.tasks:
            raise InvalidRequest("task", made.task, f"can't be done by {spec.id}")
        apart = (*INPUTS, *(beginning.CUT if made.continues else ()))
        kept = {name: value for name, value in made.given().items() if name not in apart}
        is_edit = made.task is Task.VIDEO_TO_VIDEO
        is_new = is_edit or values[self._at.form.model] != spec.id
        left = {**edit.UNCUT, **edit.OPEN, **edit.defaults(spec, made.method)} if is_new else {}
        emptied = dict.fromkeys(_MAY_BE_LACKING & spec.takes(made.task))
        asked = {**_LEFT_OPEN, **left, **emptied, **kept, "num_frames": made.num_frames}
        given: dict[str, Any] = {name: advanced.as_shown(name, v) for name, v in asked.items()}
        for name, found in media.items():
            suffix = _SUFFIX.get(name, ".png")
            given[name] = exchanged(found, partial(lend, name=f"input{suffix}"))
        given = beginning.shown(made, given)
        return {
            **self._for_model(spec, given, made.task),
            **self._fill(spec, given),
            self._state.preferred: spec.id,
            self._state.awaited: _awaited(made, media),
            self._at.lock: True,
            **self._go_to(made.task),
        }

    def _own_inputs(self, made: GenerationRequest, owner: str) -> dict[str, Any]:
        """The files of a request's inputs that the owner used before; of several, all or none."""
        found = self._files(made, partial(self._service.library.input_of, owner))
        return {name: files for name, files in found.items() if files and None not in each(files)}

    def _files(
        self, made: GenerationRequest, place: Callable[[str], Path | None]
    ) -> dict[str, Any]:
        """A request's inputs by field: the path that ``place`` gives for each of them."""
        kept = {name: getattr(made, name) for name in INPUTS if getattr(made, name)}
        return {name: exchanged(digests, place) for name, digests in kept.items()}

    def _restored(self, made: GenerationRequest, media: Mapping[str, Any]) -> Updates:
        """What was restored, and what is still to come."""
        said = f"Settings restored: {words.TASK_TITLES[made.task]}, {made.model}, seed {made.seed}."
        own = self._service.models.find(made.model).defaults.fps
        if made.fps != own:  # the form has no box for it
            said += f" It has {made.fps} frames per second; here it becomes {own}."
        missing = [name for name in INPUTS if getattr(made, name) and name not in media]
        if missing:
            labels = " and ".join(control(name).label.lower() for name in missing)
            said += f" Add its {labels}: a clip holds its settings only."
        return {self._at.notice: render_notice(said)}

    def _asked(self, values: f.Values, event: gr.EventData) -> Job | None:
        return self._find(self._told(event, "job") or values[self._state.job])

    def _finished(self, values: f.Values, event: gr.EventData) -> Job | None:
        job = self._asked(values, event)
        return job if job and job.outputs else None

    def _lent_clip(self, job: Job, event: gr.EventData) -> str:
        """A copy of the clip that a button is about; raises OSError where it is gone."""
        name = job.outputs[self._clip_of(job, event)].file
        return lend(self._service.folder.video(name), "clip.mp4")

    def _clip_of(self, job: Job, event: gr.EventData) -> int:
        return min(self._told_clip(event), len(job.outputs) - 1)

    def _gone(self) -> Updates:
        said = "The file of this clip is gone."
        return {
            self._at.plan: notices.render_ask(said, is_urgent=True),
            self._at.notice: render_notice(said, is_bad=True),
        }


def _to_continue(made: GenerationRequest, spec: ModelSpec, is_new: bool) -> dict[str, Any]:
    """What the form holds to go on from a clip: its own settings, as far as they are the model's.

    An edit's guidance and length are the edit's own. ``is_new``: the form is another model's.
    """
    own = f.defaults_of(spec)
    begun = {**(own if is_new else {}), **{name: own[name] for name in beginning.OF_EDITS}}
    if made.model != spec.id:
        width, height = spec.defaults.size
        sides = fit_ratio(made.width / made.height, width * height, spec.limits)
        return {**begun, **_LEFT_OPEN, **sides_of(sides), "prompt": made.prompt}
    kept = {**_LEFT_OPEN, **beginning.kept(made)}
    return {**begun, **{name: advanced.as_shown(name, value) for name, value in kept.items()}}


def _awaited(made: GenerationRequest, media: Mapping[str, Any]) -> str:
    """The medium that gives a request its shape, where it is still to come."""
    wanted = {"video": made.video, "image": made.image}
    return next((kept for name, kept in wanted.items() if kept and name not in media), "")


def _refused(error: InvalidRequest) -> str:
    """Why a file gives no settings, in a sentence."""
    if error.field == "model":
        model = shown(error.value)
        return f"This clip was made with {model}, a model that is not on this server."
    if error.field == "task":
        return f"This file asks for what its model can't do: {error.value} {error.allowed}."
    return f"This file {error.allowed}."
