"""Values that a request can't have, one of each class: for ``test_bad_values`` and SECURITY.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TEXT = {"task": "text_to_video", "prompt": "a red circle"}


@dataclass(frozen=True)
class BadValue:
    """What is given over a sound request for the bundled model, and the field that is named."""

    tries: str
    field: str
    given: dict[str, Any]


def _of(tries: str, field: str, value: Any) -> BadValue:
    return BadValue(tries, field, {**TEXT, field: value})


BAD_VALUES = (
    _of("a blank prompt", "prompt", " \n"),
    _of("no prompt", "prompt", None),
    _of("a prompt over the limit", "prompt", "x" * 2001),
    _of("NUL in a prompt", "prompt", "a\0b"),
    _of("half a character in a prompt", "prompt", "a\ud800b"),
    _of("a list for a prompt", "prompt", ["a"]),
    _of("-1 steps", "num_inference_steps", -1),
    _of("9999 steps", "num_inference_steps", 9999),
    _of("1.5 steps", "num_inference_steps", 1.5),
    _of("a seed of 2^64", "seed", 2**64),
    _of("a seed of -1", "seed", -1),
    _of("true for a seed", "seed", True),
    _of("a guidance of 1e308", "guidance_scale", 1e308),
    _of("a guidance of NaN", "guidance_scale", float("nan")),
    _of("no frames a second", "fps", 0),
    _of("frames that are not 4k+1", "num_frames", 18),
    _of("a side that is no multiple of 16", "width", 100),
    BadValue("8192x8192", "width", {**TEXT, "width": 8192, "height": 8192}),
    BadValue("two lengths", "duration", {**TEXT, "duration": 1.0, "num_frames": 9}),
    _of("no task", "task", None),
    _of("a task that there is not", "task", "image_to_text"),
    _of("a sampler that does not fit", "scheduler", "ddim"),
    _of("a parameter that there is not", "denoise", 1),
    _of("a name that would forge a line of the log", "a\nERROR", 1),
    _of("a LoRA by a path of this machine", "loras", "../../etc/passwd.safetensors"),
    _of("a LoRA that can hold code", "loras", "style.pt2"),
    _of("a LoRA of infinite weight", "loras", "style:1e999"),
    _of("a weight of a phrase that is none", "prompt", "(cat:9e99)"),
    BadValue("no image where one is needed", "image", {"task": "image_to_video"}),
    BadValue("an image where none is used", "image", {**TEXT, "image": "x.png"}),
)
