"""The controls of an edit, built from their declarations; a method decides which are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gradio as gr

from wan_demo.domain.control import control
from wan_demo.domain.cut import Cut
from wan_demo.domain.edit import OF_METHOD, Colors, Direction, Fit, Guide, Method, Sound
from wan_demo.domain.medium import Medium
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.domain.rules import available_frames
from wan_demo.domain.size import fit_frames
from wan_demo.ui import words
from wan_demo.ui.values import Dropdown, File, Number, Radio

STEADY: Mapping[str, Any] = {
    "speed": 1.0,
    "direction": Direction.FORWARD,
    "fit": Fit.CROP,
    "sound": Sound.KEEP,
    "colors": Colors.PROMPT,
    "source_prompt": "",
    "n_min": 0,
    "n_avg": 1,
}
"""What the components hold that start alike with every model, by field name."""

OPEN: Mapping[str, Any] = {"source_guidance_scale": "", "guide": ""}
"""And those that may be left to the model."""

UNCUT: Mapping[str, Any] = {"trim_start": 0, "trim_end": 0}
"""The whole of a video, as the components have it: a number's box knows no emptiness."""

WHOLE: Mapping[str, Any] = {
    **UNCUT,
    **{name: STEADY[name] for name in ("speed", "direction")},
    "mask": None,
}
"""All of a video as it is, whatever was used of the one before."""

MEANINGS: Mapping[str, str] = {
    Direction.FORWARD: "Forward",
    Direction.REVERSED: "Reversed",
    Fit.CROP: "Crop to fill",
    Fit.PAD: "Pad to see all",
    Sound.KEEP: "Keep",
    Sound.NONE: "None",
    Colors.PROMPT: "The prompt's",
    Colors.SOURCE: "Your video's",
    Guide.VIDEO: "Your video as it is",
    Guide.EDGES: "Its edges: shapes stay, all else is free",
    Guide.GRAY: "Its grays: light and shadow stay, colors are free",
    Guide.BLUR: "Its blur: the rough layout stays",
    Guide.BLANK: "Nothing: made anew from the prompt",
}
"""The words of the choices on the page. What two of them share is told by the field's label."""

GUIDE_OPEN = "Automatic: your video; inside a mask, nothing of it"


def method_of(spec: ModelSpec, method: Any = None) -> Method | None:
    """The method if the model has it, else the model's usual one; None where it edits nothing."""
    methods = spec.methods(Task.VIDEO_TO_VIDEO)
    return next((each for each in methods if each == method), methods[0] if methods else None)


def defaults(spec: ModelSpec, method: Any = None) -> dict[str, Any]:
    """What the components of an edit start with, by a model and one of its methods."""
    own, chosen = spec.defaults, method_of(spec, method)
    is_flow = chosen is Method.FLOW_EDIT
    return {
        **STEADY,
        "method": chosen,
        "strength": own.edit.strength if is_flow else own.strength,
        "conditioning_scale": own.conditioning_scale,
    }


def guidance(spec: ModelSpec, method: Any = None) -> float:
    """The guidance that a method is run with; None: outside of edits."""
    own = spec.defaults.edit.guidance_scale
    is_own = method == Method.FLOW_EDIT
    return own if is_own and own is not None else spec.defaults.guidance_scale


def is_of(name: str, method: Any) -> bool:
    """Whether a method has a field."""
    return method in OF_METHOD.get(name, (method,))


def methods(spec: ModelSpec, method: Any = None) -> dict[str, Any]:
    """Choices, value and words of the methods' buttons for a model."""
    of_model = spec.methods(Task.VIDEO_TO_VIDEO)
    return {
        "choices": [(words.METHOD_TITLES[each], each.value) for each in of_model],
        "value": method_of(spec, method),
        "info": " ".join(f"{words.METHOD_TITLES[m]}: {words.METHOD_HINTS[m]}" for m in of_model),
        "visible": bool(of_model),
    }


def method_box(spec: ModelSpec) -> Radio:
    """How the video is edited, with a sentence on when to use what."""
    return Radio(label=control("method").label, elem_id="method", **methods(spec))


def choice(name: str, has_help: bool = True, **shown: Any) -> Radio:
    """Buttons for a field that is one of a few words."""
    known = control(name)
    return Radio(
        label=known.label,
        info=known.help if has_help else None,
        choices=[(MEANINGS[word], word) for word in known.choices],
        value=STEADY[name],
        elem_id=name,
        **shown,
    )


def guide_box(spec: ModelSpec) -> Dropdown:
    """What the model sees of the video; left open it goes by the mask."""
    known = control("guide")
    return Dropdown(
        label=known.label,
        info=known.help,
        choices=_guides(),
        value="",
        elem_id="guide",
        filterable=False,
        visible=is_of("guide", method_of(spec)),
    )


def source_prompt_box(spec: ModelSpec) -> gr.Textbox:
    """What the video shows as it is."""
    known = control("source_prompt")
    return gr.Textbox(
        label=known.label,
        info=known.help,
        lines=2,
        max_lines=4,
        max_length=known.max_length,
        elem_id="source_prompt",
        visible=is_of("source_prompt", method_of(spec)),
    )


def source_guidance_box(spec: ModelSpec) -> gr.Textbox:
    """The source prompt's guidance; a text, as it may be left open."""
    known = control("source_guidance_scale")
    return gr.Textbox(
        label=known.label,
        info=known.help,
        placeholder=_own_source_guidance(spec),
        max_lines=1,
        elem_id="source_guidance_scale",
        visible=is_of("source_guidance_scale", method_of(spec)),
    )


def mask_box() -> File:
    """A picture or a video that says what is edited."""
    known = control("mask")
    return File(
        label=known.label, file_types=["image", "video"], height=110, elem_id="mask", visible=True
    )


def references_box(is_shown: bool) -> File:
    """Pictures of what is to appear, for models that take them in whatever they make."""
    known = control("reference_images")
    return File(
        label=f"{known.label}: {known.help[0].lower()}{known.help[1:]}",
        file_count="multiple",
        file_types=["image"],
        height=150,
        elem_id="reference_images",
        visible=is_shown,
    )


def cut_box(name: str) -> Number:
    """Where the video begins or ends. People see the timeline, whose handles bear the labels."""
    return Number(label=name, value=UNCUT[name], visible="hidden", elem_id=name)


def as_given(name: str, value: Any) -> Any:
    """A component's value as the service takes it: None for what is not cut."""
    return (value or None) if name in UNCUT else value


def refilled(name: str, value: Any, spec: ModelSpec, method: Any) -> Any:
    """An update of one of these components: the value, and what goes with model and method."""
    if name == "method":
        return gr.Radio(**methods(spec, value))
    if name == "source_prompt":
        return gr.Textbox(value=value, visible=is_of(name, method))
    if name == "source_guidance_scale":
        own = _own_source_guidance(spec)
        return gr.Textbox(value=value, placeholder=own, visible=is_of(name, method))
    if name == "guide":
        return gr.Dropdown(value=value, choices=_guides(), visible=is_of(name, method))
    return value


def first_cut(medium: Medium, spec: ModelSpec) -> dict[str, Any]:
    """From the start of a video as much as a model makes at once, by field name."""
    available = available_frames(medium, spec.defaults.fps, Cut())
    frames = fit_frames(available, spec.limits)
    is_whole = available <= spec.limits.max_frames
    end = UNCUT["trim_end"] if is_whole else end_of(medium, spec, Cut(), frames)
    return {**UNCUT, "speed": 1.0, "num_frames": frames, "trim_end": end}


def frames_of(medium: Medium, spec: ModelSpec, cut: Cut) -> int:
    """How many frames a part of a video comes to."""
    limits = spec.for_task(Task.VIDEO_TO_VIDEO).limits
    return fit_frames(available_frames(medium, spec.defaults.fps, cut), limits)


def most_frames(medium: Medium, spec: ModelSpec, cut: Cut) -> int:
    """The most frames that can be made of a video from where the cut starts."""
    return frames_of(medium, spec, replace(cut, end=None))


def end_of(medium: Medium, spec: ModelSpec, cut: Cut, frames: int) -> float:
    """Where in a video so many frames from the cut's start end, in seconds."""
    end = cut.start + frames * cut.speed / spec.defaults.fps
    return min(round(end, 3), int(medium.seconds * 1000) / 1000)


def _guides() -> list[tuple[str, str]]:
    return [(GUIDE_OPEN, ""), *((MEANINGS[word], word) for word in control("guide").choices)]


def _own_source_guidance(spec: ModelSpec) -> str:
    own = spec.defaults.edit.source_guidance_scale
    return "as the guidance" if own is None else words.number(own)
