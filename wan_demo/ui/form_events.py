"""What happens in the form: examples, presets, models, uploads, and clips that come back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr

from wan_demo.catalog import EXAMPLE_MEDIA
from wan_demo.domain.control import control
from wan_demo.domain.length import generated_frames
from wan_demo.domain.model import ModelSpec, Size
from wan_demo.domain.request import MAX_SECONDS, GenerationRequest, Task
from wan_demo.domain.size import fit_ratio
from wan_demo.errors import InvalidRequest
from wan_demo.service import MEDIA
from wan_demo.ui import advanced, asked, beginning, edit, notices, tab_sizes, words
from wan_demo.ui import form as f
from wan_demo.ui.edit_events import EditEvents
from wan_demo.ui.events import Updates
from wan_demo.ui.layout import example_chips, template_chips
from wan_demo.ui.library import render_notice
from wan_demo.ui.library_layout import TAB
from wan_demo.ui.mask import is_drawn
from wan_demo.ui.models import choices, ordered, resolution_of, size_at
from wan_demo.ui.reload import FILES
from wan_demo.ui.values import lend, still_uploaded


class FormEvents(EditEvents):
    """Everything that fills the form."""

    def _go_to(self, task: Task) -> Updates:
        return {self._at.tabs: gr.Tabs(selected=task.value)}

    def choose_seconds(self, values: f.Values) -> Updates:
        """Seconds move the slider to the frames that are generated for them."""
        frames = self._frames_of_seconds(self._spec(values), values)
        return self._at.form.updates(frames) if frames else self._unchanged()

    def _frames_of_seconds(self, spec: ModelSpec, values: f.Values) -> dict[str, int]:
        """The frames that are generated for the form's seconds; nothing where it has none."""
        seconds = seconds_of(str(values[self._at.form.duration]))
        if not 0 < seconds < MAX_SECONDS:
            return {}
        limits = spec.for_task(_task(values.get(self._state.task))).limits
        return {"num_frames": generated_frames(seconds, spec.defaults.fps, limits)}

    def fix(self, values: f.Values, event: gr.EventData) -> Updates:
        """One of the nearest allowed values is taken over."""
        field, value = self._told(event, "field"), self._told(event, "value")
        with suppress(ValueError, InvalidRequest):  # a value that no button of ours holds
            if field == "task":
                return self._go_to(Task(value))
            if field == "width" and "x" in value:
                width, height = map(int, value.split("x"))
                return self._at.form.updates({"width": width, "height": height})
            if field == "num_frames":
                return self._at.form.updates({field: int(value), "duration": ""})
            if field == "loras":
                loras = advanced.with_one_changed(values[self._at.form.loras], value)
                return self._at.form.updates({field: loras})
            if field in beginning.CUT and self._is_continued(values):
                cut = beginning.cut_of(values[self._at.form.continued_cut])
                changed = {**cut, field: _taken_over(field, value)}
                return {self._at.form.continued_cut: changed}
            if field in self._at.form.components():
                return self._at.form.updates({field: _taken_over(field, value)})
        return self._unchanged()

    def pick(self, values: f.Values, event: gr.EventData) -> Updates:
        """An example is taken over: its prompt, and its picture or clip."""
        spec, chosen = self._spec(values), (self._told(event, "task"), self._told(event, "index"))
        found = [
            (task, example)
            for task, examples in spec.examples.items()
            for index, example in enumerate(examples)
            if chosen == (task.value, str(index))
        ]
        if not found:
            return self._unchanged()
        task, example = found[0]
        shown: dict[str, Any] = {"prompt": example.prompt, "begin": beginning.PICTURE}
        if example.medium is not None:
            medium = EXAMPLE_MEDIA / example.medium
            shown |= {
                MEDIA[task]: lend(medium, example.medium),
                **self._shape(values, task, medium),
            }
        return self._at.form.updates(shown)

    def choose_preset(self, values: f.Values) -> Updates:
        """A preset's values, over the model's defaults."""
        spec, name = self._spec(values), values[self._at.preset]
        chosen = next((preset for preset in spec.presets if preset.name == name), None)
        if chosen is None:
            return self._unchanged()
        touched = {name for preset in spec.presets for name in preset.overrides}
        method = self._method(spec, values, _task(values[self._state.task]))
        base = {name: f.defaults_of(spec, method)[name] for name in touched}
        length = {"duration": ""} if "num_frames" in touched else {}
        return self._at.form.updates({**base, **length, **f.preset_values(chosen)})

    def list_loras(self, _values: f.Values) -> Updates:
        """What lies in the data folder's ``loras/`` now."""
        return {self._at.lora: gr.Dropdown(choices=self._service.loras.folder.names())}

    def add_lora(self, values: f.Values) -> Updates:
        """A chosen LoRA goes into the box, and the choice is free for another."""
        box, chosen = self._at.form.loras, values[self._at.lora]
        is_there = chosen in self._service.loras.folder.names()
        more = {box: advanced.with_lora(values[box], chosen)} if is_there else {}
        return {**more, self._at.lora: None}

    def choose_ratio(self, values: f.Values) -> Updates:
        """A ratio's size at the chosen resolution."""
        size = self._pressed(values)
        return self._at.form.updates(sides_of(size)) if size else self._unchanged()

    def choose_resolution(self, values: f.Values) -> Updates:
        """The same ratio at another resolution, which brings its own flow shift."""
        size = self._pressed(values)
        if size is None:
            return self._unchanged()
        sides = sides_of(size)
        return {
            **self._at.form.updates(sides),
            self._at.ratio: f.ratio_of(self._spec(values), sides),
        }

    def match_buttons(self, values: f.Values) -> Updates:
        """The preset, resolution and ratio that a person's own values are, if they are one."""
        spec = self._spec(values)
        mine = {name: values[each] for name, each in self._at.form.components().items()}
        return {
            self._at.preset: f.preset_of(spec, mine),
            self._at.resolution: resolution_of(spec, mine)["value"],
            self._at.ratio: f.ratio_of(spec, mine),
        }

    def _pressed(self, values: f.Values) -> Size | None:
        """The size of the two buttons: both are read, as the sliders may not have followed yet."""
        form, spec = self._at.form, self._spec(values)
        sides = {"width": values[form.width], "height": values[form.height]}
        return size_at(spec, values[self._at.resolution], values[self._at.ratio], sides)

    def choose_model(self, values: f.Values) -> Updates:
        """Ranges, defaults and presets of the new model; a person's own value stays if it fits."""
        spec = self._spec(values)
        if spec.id == values[self._state.model]:
            return self._unchanged()  # a drop-down tells of one choice twice
        task = _task(values[self._state.task])
        return {**self._change_to(spec, values, task), self._state.preferred: spec.id}

    def choose_task(self, values: f.Values) -> Updates:
        """The list holds what the tab can be done with; a model that can't makes room for it.

        A person's own choice comes back with the first tab that can have it. A tab that the form
        fits already changes nothing: Gradio tells of the first one too, a moment after the page
        has opened, and of one that a clip brought along; what was typed since would be lost.
        """
        task, spec = _task(values[self._state.task]), self._spec(values)
        if task == values[self._state.fitted]:
            return self._unchanged()
        form, former = self._at.form, _task(values[self._state.fitted])
        sizes = values[self._state.sizes]
        sizes = tab_sizes.left(sizes, former, values[form.width], values[form.height])
        kept = {self._state.sizes: sizes}
        able = ordered(self._service, task)
        preferred = [each for each in able if each.id == values[self._state.preferred]]
        chosen = (preferred or [each for each in able if each.id == spec.id] or able or [spec])[0]
        if chosen.id == spec.id:
            listed = gr.Dropdown(choices=choices(self._service, task))
            fitted = {self._state.fitted: task.value, self._at.form.model: listed}
            size = tab_sizes.again(sizes, task, spec)
            shaped = self._shaped(values, size) if size else {}
            return {**kept, **fitted, **self._for_task(spec, values, task), **shaped}
        why = "" if task in spec.tasks else f" {spec.title} can't do {words.TASK_TITLES[task]}."
        return {**kept, **self._change_to(chosen, values, task, why)}

    def _for_task(self, spec: ModelSpec, values: f.Values, task: Task) -> Updates:
        """What a tab changes where the model stays: guidance and length, of what is untouched."""
        form = self._at.form
        method = self._method(spec, values, task)
        updates = form.updates(self._untouched(spec, values, method))
        if task is Task.VIDEO_TO_VIDEO or f.fits("num_frames", values[form.num_frames], spec):
            return updates
        return {**updates, form.num_frames: spec.defaults.num_frames}

    def _change_to(self, spec: ModelSpec, values: f.Values, task: Task, why: str = "") -> Updates:
        former = self._before(values)
        method = self._method(spec, values, task)
        medium = self._medium(values) if task is Task.VIDEO_TO_VIDEO else None
        used = {"num_frames": edit.frames_of(medium, spec, self._cut(values))} if medium else {}
        chosen, changed = {**used, **self._frames_of_seconds(spec, values)}, []
        for name, default in f.defaults_of(spec, method).items():
            if name in chosen:
                continue
            before = values[self._at.form.components()[name]]
            is_own = before not in f.standing(name, former) and f.fits(name, before, spec)
            chosen[name] = before if is_own else default
            is_news = name != "negative_prompt" and f.is_shown(name, spec, chosen.get("method"))
            if chosen[name] != before and is_news:
                value = f.in_words(name, chosen[name])
                changed.append(f"{notices.label_of(name)} → {value}")
        news = f" To fit it: {', '.join(changed)}." if changed else ""
        return {**self._for_model(spec, chosen, task, why + news), **self._fill(spec, chosen)}

    def _before(self, values: f.Values) -> ModelSpec:
        """The form's model before a change."""
        return self._service.models.find(values[self._state.model])

    def _for_model(
        self, spec: ModelSpec, values: Mapping[str, Any], task: Task, news: str = ""
    ) -> Updates:
        """What a model and its values change around them: words, presets, ratios, examples."""
        return {
            self._state.model: spec.id,
            self._state.fitted: task.value,
            self._at.form.model: gr.Dropdown(
                choices=choices(self._service, task), value=spec.id, info=spec.summary + news
            ),
            self._at.preset: gr.Radio(
                choices=[preset.name for preset in spec.presets],
                info=f.preset_hints(spec),
                value=f.preset_of(spec, values),
            ),
            self._at.resolution: gr.Radio(**resolution_of(spec, values)),
            self._at.ratio: gr.Radio(choices=list(spec.sizes), value=f.ratio_of(spec, values)),
            **{html: example_chips(spec, task) for task, html in self._at.examples.items()},
            self._at.templates: template_chips(spec),
        }

    def _fill(self, spec: ModelSpec, given: dict[str, Any]) -> Updates:
        """Values for fields by name; sliders come with the model's range."""
        updates: Updates = {}
        method = given.get("method")
        for name, component in self._at.form.components().items():
            if name in given and name != "model":
                updates[component] = f.refilled(name, component, given[name], spec, method)
        own = spec.defaults.negative_prompt
        negative = self._at.form.negative_prompt
        updates[negative] = gr.Textbox(value=given.get("negative_prompt", own), placeholder=own)
        for name in ("image", "last_image"):  # what is in them stays
            box = self._at.form.components()[name]
            updates.setdefault(box, gr.Image(**f.picture(name, spec)))
        are_taken = f.is_shown("reference_images", spec)
        updates.setdefault(self._at.form.reference_images, gr.File(visible=are_taken))
        return updates

    def restore(self, values: f.Values) -> Updates:
        """The form as it was before a reload, or as the address asks for it; whatever is not a
        value of it is left out."""
        kept = values[self._at.kept]
        if isinstance(kept, dict) and isinstance(kept.get("asked"), dict):
            kept = asked.filled(kept["asked"], self._service, self._at.form.components())
        if not isinstance(kept, dict) or kept.get("model") not in self._service.models.ids:
            return self._unchanged()
        spec = self._service.models.find(kept["model"])
        values_kept = {
            name: value for name, value in kept.items() if name not in FILES and _is_plain(value)
        }
        filled = {**advanced.OPEN, **values_kept, **_files_of(kept)}
        task = _task(kept.get("task"))
        return {
            **self._for_model(spec, filled, task),
            **self._fill(spec, filled),
            self._at.tabs: gr.Tabs(selected=TAB if kept.get("tab") == TAB else task.value),
            self._state.preferred: spec.id,
            self._at.lock: kept.get("lock") is True,
            self._at.notice: _notice_of(kept),
        }

    def receive_medium(self, values: f.Values) -> Updates:
        """A picture or video has come: its own ratio and length, at the model's area.

        An example's prompt goes. For the very one that settings were restored for, all stays as
        it was.
        """
        task = _task(values[self._state.task])
        path = values[self._at.form.components()[MEDIA[task]]] if task in MEDIA else None
        if not path:
            return self._unchanged()
        if _has_digest(Path(path), values[self._state.awaited]):
            return {self._state.awaited: ""}
        shape = self._shaped(values, self._shape(values, task, Path(path)))
        return {**shape, **self._without_drawn(values), **self._without_example(values)}

    def receive_beginning(self, values: f.Values) -> Updates:
        """A video to continue has come: all of it, in its own ratio at the model's area.

        For the very one that settings were restored for, these stay as they were.
        """
        form, spec = self._at.form, self._spec(values)
        path = values[form.continued]
        if path and _has_digest(Path(path), values[self._state.awaited]):
            return {self._state.awaited: ""}
        whole = {form.continued_cut: {}, **self._without_example(values)}
        given = {"task": Task.IMAGE_TO_VIDEO, "video": path}
        try:
            medium = self._service.medium(given)
        except InvalidRequest:
            return whole  # the line above Generate says what is wrong
        if medium is None:
            return whole
        width, height = spec.defaults.size
        size = fit_ratio(medium.width / medium.height, width * height, spec.limits)
        return {**whole, **self._shaped(values, sides_of(size))}

    def _shaped(self, values: f.Values, shape: Mapping[str, Any]) -> Updates:
        """A medium's size and length, and the buttons that go with it."""
        return {
            **self._at.form.updates(shape),
            self._at.resolution: resolution_of(self._spec(values), shape)["value"],
            self._at.ratio: f.ratio_of(self._spec(values), shape),
        }

    def _shape(self, values: f.Values, task: Task, medium: Path) -> dict[str, Any]:
        """Size, and length of a video, that suit a medium; nothing where it can't be used."""
        asked = {"task": task, "model": values[self._at.form.model], "prompt": "-"}
        try:
            spec = self._spec(values)
            needs = spec.needs(task) if task in spec.tasks else ()
            # It stands in for a second picture, which may be still to come.
            request = self._service.plan({**asked, **dict.fromkeys(needs, str(medium))}).request
        except InvalidRequest:
            return {}  # the line above Generate says what is wrong
        shape = {"width": request.width, "height": request.height}
        if task is not Task.VIDEO_TO_VIDEO:
            return shape
        video = self._service.medium({"task": task, "video": medium})
        return shape | edit.first_cut(video, spec) if video else shape


def _files_of(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The uploads of the former page that are still there, and what is used of its video."""
    found = {name: still_uploaded(kept.get(name)) for name in FILES}
    if is_drawn(found["mask"]) and not found["video"]:
        found["mask"] = None  # there is no board
    cut = {beginning.CUT_BOX: beginning.cut_of(kept.get(beginning.CUT_BOX))}
    return {**{name: file for name, file in found.items() if file}, **cut}


def _notice_of(kept: Mapping[str, Any]) -> str:
    said = str(kept.get("said") or "")
    return render_notice(f"{said}.", is_bad=True) if said else ""


def _task(told: Any) -> Task:
    """The tab that the browser shows; the first one where it does not say."""
    return Task(told) if told in list(Task) else Task.TEXT_TO_VIDEO


def _has_digest(path: Path, digest: str) -> bool:
    """Whether a file is the one of a SHA-256; an empty one is none's."""
    with suppress(OSError), path.open("rb") as file:
        return bool(digest) and hashlib.file_digest(file, "sha256").hexdigest() == digest
    return False


def sides_of(size: Size) -> dict[str, int]:
    """Width and height, by the form's names."""
    return {"width": size[0], "height": size[1]}


def sides_of_request(request: GenerationRequest) -> dict[str, int]:
    """A request's width and height, by the form's names."""
    return {"width": request.width, "height": request.height}


def _taken_over(field: str, value: str) -> str | int | float:
    """What a button of ours says, as its component holds it; ValueError for anything else."""
    known = control(field)
    if value in known.choices:
        return value
    number = float(value) if "." in value else int(value)
    if known.maximum is None or not _is_plain(number):
        raise ValueError(field)
    return number


def _is_plain(value: Any) -> bool:
    """Whether a browser may have kept this: text, or a number that it can hold exactly."""
    return isinstance(value, str) or (isinstance(value, (int, float)) and abs(value) < 2**53)


def seconds_of(text: str) -> float:
    """Seconds as text; 0 for what is no number of them."""
    with suppress(ValueError):
        return min(max(float(text), 0.0), 1e6)
    return 0.0
