"""What a video's own controls do, and the line that says what the form would run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gradio as gr

from wan_demo.catalog import templates
from wan_demo.domain.cut import SLACK, Cut
from wan_demo.domain.edit import OF_METHOD, Method
from wan_demo.domain.medium import Medium
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import MAX_SECONDS, Task
from wan_demo.domain.rules import available_frames
from wan_demo.domain.template import Template
from wan_demo.errors import InvalidRequest
from wan_demo.service import Plan
from wan_demo.ui import edit, notices
from wan_demo.ui import form as f
from wan_demo.ui.beginning import render_begun
from wan_demo.ui.events import Events, Updates
from wan_demo.ui.mask import is_drawn, render_board
from wan_demo.ui.timeline import render_timeline
from wan_demo.ui.values import uploaded

CUT = ("trim_start", "trim_end", "speed")


class EditEvents(Events):
    """Everything that says which part of a video is used, how fast, and how it is edited."""

    def plan(self, values: f.Values) -> Updates:
        """The line above Generate and its notes, how long the frames play, which are a video's."""
        try:
            spec = self._spec(values)
        except InvalidRequest as error:
            return {self._at.plan: notices.render_refusal(error), self._at.notes: ""}
        form, fps = self._at.form, spec.defaults.fps
        frames = f.frames_readout(values[form.num_frames], fps, values[form.duration])
        line, plan = self._planned(values)
        return {
            **self._timeline(spec, values),
            self._at.begun: self._begun(values),
            self._at.plan: line,
            self._at.notes: notices.render_notes(plan),
            self._at.readout: frames,
            self._at.generate: notices.generate_label(plan),
        }

    def _planned(self, values: f.Values) -> tuple[str, Plan | None]:
        """The line, and the plan that it tells of; None where nothing can run yet."""
        missing = self._missing_medium(values)
        if missing:
            return notices.render_ask(missing), None
        unsaid = self._missing_prompt(values)  # what else is wrong comes first
        try:
            plan = self._service.plan(self._given(values) | ({"prompt": "-"} if unsaid else {}))
        except InvalidRequest as error:
            return notices.render_refusal(error), None
        return notices.render_ask(unsaid) if unsaid else notices.render_plan(plan), plan

    def choose_method(self, values: f.Values) -> Updates:
        """A method brings its own controls and defaults; a value that was touched stays."""
        spec, components = self._spec(values), self._at.form.components()
        method = edit.method_of(spec, values[self._at.form.method])
        shown: dict[str, Any] = {name: values[components[name]] for name in OF_METHOD}
        shown |= self._untouched(spec, values, method)
        return {
            components[name]: f.refilled(name, components[name], value, spec, method)
            for name, value in shown.items()
        }

    def style(self, values: f.Values, event: gr.EventData) -> Updates:
        """A template writes prompt, negative prompt, method and strength; all may be changed."""
        spec, form = self._spec(values), self._at.form
        known = {template.name: template for template in templates.of(spec)}
        chosen = known.get(self._told(event, "name"))
        if chosen is None:
            return self._unchanged()
        after = {**values, form.method: edit.method_of(spec, chosen.method)}
        own = (chosen.negative_prompt, spec.defaults.negative_prompt)
        shown: dict[str, Any] = {
            "prompt": chosen.prompt(_scene(values, form, known.values())),
            "negative_prompt": ", ".join(text for text in own if text),
            "method": after[form.method],
        }
        changed = {**self.choose_method(after), **form.updates(shown)}
        if f.is_shown("strength", spec, after[form.method]):
            changed[form.strength] = gr.Slider(value=chosen.strength, visible=True)
        return changed

    def take_drawn(self, values: f.Values, event: gr.EventData) -> Updates:
        """What was drawn is the mask."""
        return {self._at.form.mask: uploaded(self._told(event, "path")) or gr.skip()}

    def wipe_drawn(self, values: f.Values) -> Updates:
        """What was drawn is the mask no more; another mask stays."""
        return self._without_drawn(values) or {self._at.form.mask: gr.skip()}

    def _without_drawn(self, values: f.Values) -> Updates:
        box = self._at.form.mask
        return {box: None} if is_drawn(values[box]) else {}

    def _without_example(self, values: f.Values) -> Updates:
        """An example's prompt tells of its own picture or video, and of no other that comes.

        The browser takes it away: what was typed since this was asked for would go with it.
        """
        examples = (spec.examples.values() for spec in self._service.models.models)
        told = {each.prompt for of_tasks in examples for of_task in of_tasks for each in of_task}
        prompt = values[self._at.form.prompt]
        return {self._state.outdated: prompt if prompt in told else ""}

    def cut(self, values: f.Values, event: gr.EventData) -> Updates:
        """Another part of the video, or another speed: the frames follow, as does the line."""
        form, spec, medium = self._at.form, self._spec(values), self._medium(values)
        if medium is None:
            return self.plan(values)
        told = self._told_cut(values, event, medium)
        frames = edit.frames_of(medium, spec, self._cut({**values, **told}))
        after = {**values, **told, form.duration: "", form.num_frames: frames}
        slider = gr.Slider(value=frames, **self._range(spec, after))
        return {**told, form.duration: "", **self.plan(after), form.num_frames: slider}

    def _told_cut(self, values: f.Values, event: gr.EventData, medium: Medium) -> Updates:
        """Where the timeline's handles are; nothing where it was something else that was moved."""
        start, end = (_seconds(self._told(event, name)) for name in ("start", "end"))
        if start is None or end is None:
            return {}
        is_open = end >= medium.seconds - SLACK
        form = self._at.form
        return {form.trim_start: start, form.trim_end: edit.UNCUT["trim_end"] if is_open else end}

    def choose_frames(self, values: f.Values) -> Updates:
        """Another number of frames takes the place of the seconds, and moves a video's end."""
        form, spec = self._at.form, self._spec(values)
        medium, frames = self._medium(values), values[form.num_frames]
        if medium is None or not isinstance(frames, (int, float)):
            return {form.duration: ""}
        end = edit.end_of(medium, spec, self._cut(values), int(frames))
        return {form.duration: "", form.trim_end: end}

    def _method(self, spec: ModelSpec, values: f.Values, task: Task) -> Method | None:
        """The method that a model edits with; None where the task is no edit."""
        is_edit = task is Task.VIDEO_TO_VIDEO
        return edit.method_of(spec, values[self._at.form.method]) if is_edit else None

    def _untouched(self, spec: ModelSpec, values: f.Values, method: Any) -> dict[str, Any]:
        """The defaults of a method for what nobody changed, by field name."""
        own, mine = f.defaults_of(spec, method), self._at.form.components()
        names = ("strength", "guidance_scale")
        return {n: own[n] for n in names if values[mine[n]] in f.standing(n, spec)}

    def _cut(self, values: f.Values) -> Cut:
        mine = self._at.form.components()
        return Cut.chosen({name: values[mine[name]] or None for name in CUT})

    def _medium(self, values: f.Values) -> Medium | None:
        """The video of the form, where it is one that can be used."""
        return self._medium_of(values[self._at.form.video])

    def _medium_of(self, video: Any) -> Medium | None:
        given = {"task": Task.VIDEO_TO_VIDEO, "video": video}
        try:
            return self._service.medium(given)
        except InvalidRequest:
            return None  # the line above Generate says why

    def _range(self, spec: ModelSpec, values: f.Values) -> dict[str, Any]:
        """That of the frames' slider: up to what a video has from where its cut starts."""
        limits, medium = f.range_of("num_frames", spec), self._edited(values)
        if medium is not None:  # a slider needs two ends, even where there is one length
            most = edit.most_frames(medium, spec, self._cut(values))
            limits["maximum"] = max(most, limits["minimum"] + limits["step"])
        return limits

    def _edited(self, values: f.Values) -> Medium | None:
        """The video, where the tab is the one that edits it."""
        is_edit = values[self._state.task] == Task.VIDEO_TO_VIDEO
        return self._medium(values) if is_edit else None

    def _timeline(self, spec: ModelSpec, values: f.Values) -> Updates:
        """The timeline, the mask's board, and the range of the frames' slider."""
        form, cut, medium = self._at.form, self._cut(values), self._edited(values)
        slider = gr.Slider(**self._range(spec, values))
        if medium is None:
            return {self._at.timeline: "", self._at.board: "", form.num_frames: slider}
        look = self._service.glimpses.address(Path(str(values[form.video])), medium)
        board = render_board(medium, look, cut, values[form.mask])
        frames = values[form.num_frames]
        used = frames if isinstance(frames, int) else edit.frames_of(medium, spec, cut)
        is_enough = available_frames(medium, spec.defaults.fps, cut) >= spec.limits.min_frames
        shown = render_timeline(medium, look, spec, cut, used if is_enough else None)
        return {self._at.timeline: shown, self._at.board: board, form.num_frames: slider}

    def _begun(self, values: f.Values) -> str:
        """What is said of a video to continue; nothing where there is none."""
        form = self._at.form
        video = values[form.continued] if self._is_continued(values) else None
        medium = self._medium_of(video)
        if medium is None:
            return ""
        look = self._service.glimpses.address(Path(str(video)), medium)
        return render_begun(medium, look, values[form.continued_cut])


def _scene(values: f.Values, form: f.Form, known: Iterable[Template]) -> str:
    """What a person says of the scene: of their video, else in the prompt, less a style's words."""
    prompt = str(values[form.prompt] or "").strip()
    written = (template.scene(prompt) for template in known)
    own = next((scene for scene in written if scene is not None), prompt)
    return str(values[form.source_prompt] or "").strip() or own


def _seconds(told: str) -> float | None:
    """Seconds of a handle, to the millisecond; None for what is no number of them."""
    try:
        seconds = round(float(told), 3)
    except ValueError:
        return None
    return seconds if 0 <= seconds < MAX_SECONDS else None
