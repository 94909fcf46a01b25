"""What a video's own controls do, and the line that says what the form would run."""

from __future__ import annotations

from typing import Any

from wan_demo.domain.cut import Cut
from wan_demo.domain.edit import OF_METHOD, Method
from wan_demo.domain.medium import Medium
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.errors import InvalidRequest
from wan_demo.ui import edit, notices
from wan_demo.ui import form as f
from wan_demo.ui.events import Events, Updates
from wan_demo.ui.values import Slider

CUT = ("trim_start", "trim_end", "speed")


class EditEvents(Events):
    """Everything that says which part of a video is used, how fast, and how it is edited."""

    def plan(self, values: f.Values) -> Updates:
        """The line above Generate, and how long the frames play."""
        try:
            fps = self._spec(values).defaults.fps
        except InvalidRequest as error:
            return {self._at.plan: notices.render_refusal(error)}
        form = self._at.form
        frames = f.frames_readout(values[form.num_frames], fps, values[form.duration])
        line, label = self._plan_line(values)
        return {self._at.plan: line, self._at.readout: frames, self._at.generate: label}

    def _plan_line(self, values: f.Values) -> tuple[str, str]:
        """The line, and what the button says."""
        missing = self._missing(values)
        if missing:
            return notices.render_ask(missing), notices.generate_label(None)
        try:
            plan = self._service.plan(self._given(values))
        except InvalidRequest as error:
            return notices.render_refusal(error), notices.generate_label(None)
        return notices.render_plan(plan), notices.generate_label(plan)

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

    def cut(self, values: f.Values) -> Updates:
        """Another part of the video, or another speed: the frames follow, as does the line."""
        used = self._used(self._spec(values), values)
        if not used:
            return self.plan(values)
        form = self._at.form
        mine = form.components()
        after = {**values, form.duration: "", **{mine[name]: used[name] for name in used}}
        updates = {form.duration: "", form.trim_end: used["trim_end"]}
        return {**updates, **self._length(self._spec(values), after), **self.plan(after)}

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
        given = {"task": Task.VIDEO_TO_VIDEO, "video": values[self._at.form.video]}
        try:
            return self._service.medium(given)
        except InvalidRequest:
            return None  # the line above Generate says why

    def _used(self, spec: ModelSpec, values: f.Values) -> dict[str, Any]:
        """Frames and end of the part of the video that the form says; nothing without one."""
        medium = self._medium(values)
        return edit.taken(medium, spec, self._cut(values)) if medium else {}

    def _length(self, spec: ModelSpec, values: f.Values) -> Updates:
        """The slider of the frames, up to what the video has from where it begins."""
        medium, box = self._medium(values), self._at.form.num_frames
        limits = f.range_of("num_frames", spec)
        if medium is not None:
            limits["maximum"] = edit.most_frames(medium, spec, self._cut(values))
        return {box: Slider(value=values[box], **limits)}
