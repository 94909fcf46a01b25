"""The controls that may be left to the model: each has a value that stands for "the model's own".

Their components are built and filled here, so that the rest of the form need not know that value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from wan_demo.domain.control import control
from wan_demo.domain.lora import MOST_LORAS, parse, split, text
from wan_demo.domain.memory import AUTOMATIC, Precision, Profile
from wan_demo.domain.model import ModelSpec
from wan_demo.ui import edit, words
from wan_demo.ui.values import Dropdown

OPEN: Mapping[str, Any] = {
    "scheduler": "",
    "flow_shift": "",
    "loras": "",
    **edit.OPEN,
}
"""What the components hold where nothing is chosen, by field name."""

NUMBERS = ("flow_shift", "source_guidance_scale")
"""Those of them that are numbers, in a text's box."""


MEANINGS: Mapping[str, str] = {
    Profile.RESIDENT: "everything on the device",
    Profile.ENCODERS_AWAY: "the encoders wait in RAM",
    Profile.MODEL_OFFLOAD: "one part on the device at a time",
    Profile.ENCODER_STREAMED: "the same, the text encoder layer by layer",
    Profile.GROUP_OFFLOAD: "blocks stream in from RAM",
    Profile.GROUP_OFFLOAD_LEAN: "the same with half the RAM",
    Profile.IN_TURN: "each part read from the disk for its stage",
    Profile.SEQUENTIAL: "layer by layer from RAM, slow",
    Profile.DISK: "layer by layer from the disk, slowest",
    Precision.BF16: "16 bits, what Wan is run in",
    Precision.FP16: "16 bits, for cards without bf16",
    Precision.FP32: "32 bits, twice the memory",
    Precision.FP8: "8 bits, widened to compute",
    Precision.INT8: "8 bits, by torchao",
    Precision.FLOAT8: "8 bits in the arithmetic too, by torchao",
    Precision.GGUF: "as the model's GGUF file has it",
}
"""What the words of the drop-downs mean, in a few plain ones; see ``domain.memory``."""

NO_DDIM = "DDIM is not one of them: Wan is trained by flow matching, which it does not fit."
"""For those who look for it; ``domain.scheduler.refusal`` has the whole reason."""


LORA_HINT = (
    "One a line; of the hub: owner/repo or owner/repo/file.safetensors. With :high or :low at the "
    "end, for one expert of Wan2.2."
)


def scheduler_box(spec: ModelSpec) -> Dropdown:
    """The solvers, the model's own named as the first."""
    known = control("scheduler")
    return Dropdown(
        label=known.label,
        info=f"{known.help} {NO_DDIM}",
        choices=_schedulers(spec),
        value=OPEN["scheduler"],
        elem_id="scheduler",
        filterable=False,
    )


def shift_box(spec: ModelSpec) -> gr.Textbox:
    """The flow shift; empty, it shows the model's own. A number field can't be empty."""
    known = control("flow_shift")
    return gr.Textbox(
        label=known.label,
        info=known.help,
        value=OPEN["flow_shift"],
        placeholder=_own_shift(spec),
        elem_id="flow_shift",
    )


def loras_box() -> gr.Textbox:
    """The LoRAs, one a line."""
    known = control("loras")
    return gr.Textbox(
        label=known.label,
        info=f"{known.help} {LORA_HINT}",
        value=OPEN["loras"],
        lines=2,
        max_lines=MOST_LORAS,
        elem_id="loras",
    )


def lora_picker() -> gr.Dropdown:
    """What lies in the data folder's ``loras/``; a choice goes into the box."""
    return Dropdown(
        label="Add a LoRA",
        info="What lies in the data folder's loras/.",
        choices=[],
        value=None,
        elem_id="add-lora",
    )


def pin_box(name: str) -> Dropdown:
    """A field that is one of a few words, or left open: how the model is kept in memory."""
    known = control(name)
    return Dropdown(
        label=known.label,
        info=known.help,
        choices=[("Automatic", AUTOMATIC), *((word_title(word), word) for word in known.choices)],
        value=AUTOMATIC,
        elem_id=name,
        filterable=False,
    )


def word_title(word: str) -> str:
    """``Model offload: one part on the device at a time``; names with digits stay as they are."""
    has_digits = any(char.isdigit() for char in word)
    title = word if has_digits else word.replace("_", " ").capitalize()
    return f"{title}: {MEANINGS[word]}"


def with_lora(said: Any, name: Any) -> str:
    """The box's text with one more line; as it was for nothing chosen, or one that is there."""
    before = str(said or "").strip().encode(errors="replace").decode()  # half a character
    names = {split(line)[0] for line in before.splitlines()}
    return before if not name or name in names else f"{before}\n{name}:1".strip()


def with_one_changed(said: Any, lora: str) -> str:
    """The box's text with another weight or expert for one of its LoRAs; InvalidRequest if none."""
    (changed,) = parse([lora])
    return text([changed if one.name == changed.name else one for one in parse(said)])


def as_given(name: str, value: Any) -> Any:
    """A component's value as the service takes it: None where nothing is chosen."""
    if name in OPEN and str(value or "").strip() == OPEN[name]:
        return None
    return _number(value) if name in NUMBERS else value


def as_shown(name: str, value: Any) -> Any:
    """A request's value as the component shows it."""
    if name == "loras":
        return text(value or ())
    if name in NUMBERS and value is not None:
        return words.plain(value)
    return OPEN[name] if name in OPEN and value is None else value


def refilled(name: str, value: Any, spec: ModelSpec) -> Any:
    """An update of a component: the value, and what the model's own is."""
    if name == "scheduler":
        return gr.Dropdown(value=value, choices=_schedulers(spec))
    if name == "flow_shift":
        return gr.Textbox(value=value, placeholder=_own_shift(spec))
    return value


def in_words(name: str, value: Any) -> str:
    """A value in a sentence."""
    if name == "loras":
        return "none" if value == OPEN[name] else value
    return "the model's own" if value == OPEN[name] else words.plain(value)


def _number(value: Any) -> Any:
    """The number that a text is; what is none is left for the rules to refuse."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _schedulers(spec: ModelSpec) -> list[tuple[str, str]]:
    own = (f"The model's own ({spec.scheduler})", str(OPEN["scheduler"]))
    return [own, *((name, name) for name in control("scheduler").choices)]


def _own_shift(spec: ModelSpec) -> str:
    """``5``, or ``5 at 720p, 3 at 480p`` where it depends on the size."""
    if len({resolution.flow_shift for resolution in spec.resolutions}) == 1:
        return words.number(spec.resolutions[0].flow_shift)
    return ", ".join(f"{words.number(r.flow_shift)} at {r.name}" for r in spec.resolutions)
