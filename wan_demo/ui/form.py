"""The form: every control of the request, built from its declaration and the model's limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import gradio as gr
from gradio.components import Component

from wan_demo.catalog import Catalog
from wan_demo.domain.control import control
from wan_demo.domain.model import ModelSpec, Preset
from wan_demo.domain.request import Task
from wan_demo.domain.rules import NOT_EVERYWHERE, draw_seed
from wan_demo.ui import advanced, beginning, edit, words
from wan_demo.ui.values import Dropdown, File, Image, Number, Radio, Slider, Video

Values = Mapping[Component, Any]
"""What Gradio hands over for ``inputs=set(components)``."""


@dataclass(frozen=True)
class Form:
    """The components of the request's fields, which have their names; and ``beginning.NAMES``."""

    model: Dropdown
    prompt: gr.Textbox
    begin: Radio
    image: Image
    continued: Video
    continued_cut: gr.JSON
    last_image: Image
    video: Video
    mask: File
    reference_images: File
    trim_start: Number
    trim_end: Number
    method: Radio
    strength: Slider
    conditioning_scale: Slider
    source_prompt: gr.Textbox
    speed: Slider
    direction: Radio
    sound: Radio
    fit: Radio
    source_guidance_scale: gr.Textbox
    n_min: Slider
    n_avg: Slider
    guide: Dropdown
    colors: Radio
    width: Slider
    height: Slider
    num_frames: Slider
    duration: gr.Textbox
    guidance_scale: Slider
    guidance_scale_2: Slider
    seed: Number
    num_inference_steps: Slider
    num_videos_per_prompt: Slider
    negative_prompt: gr.Textbox
    prompt_end: gr.Textbox
    scheduler: Dropdown
    flow_shift: gr.Textbox
    loras: gr.Textbox
    profile: Dropdown
    precision: Dropdown

    def components(self) -> dict[str, Component]:
        """Names to components, in the form's order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def given(self, values: Values, task: str, models: Catalog) -> dict[str, Any]:
        """The request's fields as the form has them; what the task does not use is left out."""
        given = {
            name: edit.as_given(name, advanced.as_given(name, values[component]))
            for name, component in self.components().items()
        }
        of_video = beginning.given(given, task)
        given = {name: value for name, value in given.items() if name not in beginning.NAMES}
        takes = _takes(given["model"], task, models)
        used = {
            name: value
            for name, value in given.items()
            if name not in NOT_EVERYWHERE or (name in takes and edit.is_of(name, given["method"]))
        }
        used["duration"] = str(given["duration"] or "").strip() or None
        if used["duration"] is not None:  # the slider shows what follows from it
            used.pop("num_frames")
        return {**used, **of_video, "task": task}

    def updates(self, shown: Mapping[str, Any]) -> dict[Component, Any]:
        """Field names to new values, as Gradio's answer."""
        mine = self.components()
        return {mine[name]: value for name, value in shown.items() if name in mine}


def _takes(model: Any, task: str, models: Catalog) -> frozenset[str]:
    """What a model takes for a task, of what not all do; nothing for what it can't do."""
    if model not in models.ids or task not in models.find(model).tasks:
        return frozenset()
    return models.find(model).takes(Task(task))


def slider(name: str, spec: ModelSpec, value: float, has_help: bool = True) -> Slider:
    """A slider for a field, with the model's own range."""
    known = control(name)
    return Slider(
        label=known.label,
        info=known.help if has_help else None,
        value=value,
        elem_id=name,
        interactive=True,
        visible=is_shown(name, spec),
        **range_of(name, spec),
    )


def is_shown(name: str, spec: ModelSpec, method: Any = None) -> bool:
    """Whether a model takes a field, for one task or another, and a method of its edits has it."""
    is_taken = name not in NOT_EVERYWHERE or any(name in spec.takes(task) for task in spec.tasks)
    return is_taken and edit.is_of(name, edit.method_of(spec, method))


def picture(name: str, spec: ModelSpec) -> dict[str, Any]:
    """Label and visibility of a picture's box: the first of two is called so."""
    is_pair = is_shown("last_image", spec)
    label = "First image" if name == "image" and is_pair else control(name).label
    return {"label": label, "visible": name == "image" or is_pair}


FINE = {"strength": (0.05, 0.01), "conditioning_scale": (0, 0.05), "speed": (0.25, 0.25)}
"""Least value and step of the sliders whose steps are no halves."""


def range_of(name: str, spec: ModelSpec) -> dict[str, Any]:
    """Minimum, maximum and step of a field's slider for a model."""
    limits, known = spec.limits, control(name)
    if name in ("width", "height"):
        return _range(limits.min_side, limits.max_side, limits.size_multiple)
    if name == "num_frames":
        return _range(limits.min_frames, limits.max_frames, 4)
    if name == "num_inference_steps":
        return _range(1, limits.max_steps, 1)
    if name == "n_min":
        return _range(0, limits.max_steps, 1)
    if name in FINE:
        return _range(FINE[name][0], known.maximum or 1, FINE[name][1])
    step = 1 if known.is_integer else 0.5
    return _range(known.minimum or 0, known.maximum or 1, step)


def fits(name: str, value: Any, spec: ModelSpec) -> bool:
    """Whether a model's slider can stand at a value; any text fits.

    What may be left to the model is the model's, so that no value of one suits another.
    """
    if name in advanced.OPEN:
        return False
    if name == "method":
        return value == edit.method_of(spec, value)
    if isinstance(value, str):
        return True
    if not isinstance(value, (int, float)):
        return False
    limits = range_of(name, spec)
    offset = (value - limits["minimum"]) / limits["step"]
    return limits["minimum"] <= value <= limits["maximum"] and abs(offset - round(offset)) < 1e-6


def refilled(
    name: str, component: Component, value: Any, spec: ModelSpec, method: Any = None
) -> Any:
    """An update of a field's component: the value, and what goes with the model and method."""
    if isinstance(component, gr.Slider):
        limits = range_of(name, spec)
        if name == "num_frames" and method is not None:  # an edit may be longer
            limits["maximum"] = max(limits["maximum"], value)
        return gr.Slider(value=value, visible=is_shown(name, spec, method), **limits)
    if name == "reference_images":
        return gr.File(value=[*value] if value else None, visible=is_shown(name, spec))
    if isinstance(component, gr.Image):
        return gr.Image(value=value, **picture(name, spec))
    shown = edit.refilled(name, value, spec, edit.method_of(spec, method))
    return advanced.refilled(name, shown, spec)


def in_words(name: str, value: Any) -> str:
    """A field's value in a sentence."""
    if name == "method":
        return words.METHOD_TITLES[value]
    return advanced.in_words(name, value) if name in advanced.OPEN else words.plain(value)


def preset_hints(spec: ModelSpec) -> str:
    """What each preset is, in one line."""
    return ". ".join(f"{preset.name}: {preset.hint}" for preset in spec.presets) + "."


def preset_of(spec: ModelSpec, values: Mapping[str, Any]) -> str | None:
    """The preset that these values are, if they are one: its own over the model's defaults."""
    touched = {name for preset in spec.presets for name in preset.overrides}
    for preset in spec.presets:
        own = preset_values(preset)
        if all(
            values.get(name) in ((own[name],) if name in own else standing(name, spec))
            for name in touched
        ):
            return preset.name
    return None


def preset_values(preset: Preset) -> dict[str, Any]:
    """What a preset sets, as the components show it."""
    return {name: advanced.as_shown(name, value) for name, value in preset.overrides.items()}


def ratio_of(spec: ModelSpec, values: Mapping[str, Any]) -> str | None:
    """The ratio button that these values' width and height are, if they are one."""
    size = (values.get("width"), values.get("height"))
    sizes = (each for resolution in spec.resolutions for each in resolution.sizes.items())
    return next((name for name, known in sizes if known == size), None)


def _range(minimum: float, maximum: float, step: float) -> dict[str, Any]:
    return {"minimum": minimum, "maximum": maximum, "step": step}


def prompt_box(example: str) -> gr.Textbox:
    """The prompt, filled with an example that works."""
    known = control("prompt")
    return gr.Textbox(
        label=known.label,
        value=example,
        placeholder=known.help,
        lines=3,
        max_lines=8,
        max_length=known.max_length,
        elem_id="prompt",
    )


def negative_prompt_box(spec: ModelSpec) -> gr.Textbox:
    """The negative prompt, filled with the model's own, which also stands in for none."""
    known = control("negative_prompt")
    return gr.Textbox(
        label=known.label,
        info=known.help,
        value=spec.defaults.negative_prompt,
        placeholder=spec.defaults.negative_prompt,
        lines=2,
        max_lines=6,
        max_length=known.max_length,
        elem_id="negative_prompt",
    )


def prompt_end_box() -> gr.Textbox:
    """The prompt that the steps lead to; empty: none."""
    known = control("prompt_end")
    return gr.Textbox(
        label=known.label,
        info=known.help,
        lines=2,
        max_lines=6,
        max_length=known.max_length,
        elem_id="prompt_end",
    )


def seed_box() -> Number:
    """The seed: a whole number, drawn at random to begin with."""
    known = control("seed")
    return Number(
        label=known.label,
        value=draw_seed(),
        precision=0,
        minimum=0,
        elem_id="seed",
        min_width=120,
    )


def duration_box() -> gr.Textbox:
    """The clip's length in seconds; empty while the frames decide.

    A text: a number field's box knows no emptiness and sends 0.
    """
    known = control("duration")
    return gr.Textbox(
        label=known.label,
        placeholder="by frames",
        max_lines=1,
        elem_id="duration",
        min_width=120,
        scale=0,
    )


def standing(name: str, spec: ModelSpec) -> Sequence[Any]:
    """What a field may hold that nobody touched: the model's own, outside of edits and in each."""
    of_model = (None, *spec.methods(Task.VIDEO_TO_VIDEO))
    return [defaults_of(spec, method)[name] for method in of_model]


def defaults_of(spec: ModelSpec, method: Any = None) -> dict[str, Any]:
    """The model's defaults by field name, as they are for one of its methods; None: for no edit."""
    width, height = spec.defaults.size
    return {
        "width": width,
        "height": height,
        "num_frames": spec.defaults.num_frames,
        "guidance_scale": edit.guidance(spec, method),
        "num_inference_steps": spec.defaults.num_inference_steps,
        "guidance_scale_2": spec.defaults.guidance_scale_2 or 1.0,
        **edit.defaults(spec, method),
        "negative_prompt": spec.defaults.negative_prompt,
        **advanced.OPEN,
    }


def frames_readout(num_frames: Any, fps: int, duration: Any = None) -> str:
    """``2.1 s at 8 fps``, or nothing for what is no number; or how a duration is made."""
    if str(duration or "").strip():
        return "<div class='readout'>The seconds decide; surplus frames are cut off.</div>"
    if not isinstance(num_frames, (int, float)) or not 0 < num_frames < 1e6:
        return ""
    return f"<div class='readout'>{words.playing_time(int(num_frames), fps)}</div>"
