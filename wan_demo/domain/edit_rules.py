"""What an edit is run with where it is left open, and what of it does not go together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wan_demo.domain.edit import OF_METHOD, Colors, Direction, Fit, Guide, Method, Sound
from wan_demo.domain.medium import Medium
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.errors import InvalidRequest

_COMMON: Mapping[str, Any] = {
    "fit": Fit.CROP,
    "speed": 1.0,
    "direction": Direction.FORWARD,
    "sound": Sound.KEEP,
    "colors": Colors.PROMPT,
}


def defaults(chosen: Mapping[str, Any], spec: ModelSpec, task: Task) -> dict[str, Any]:
    """The fields of an edit, for what a person chose; what other tasks share with edits for them.

    They go before the model's own defaults: a method may have others.
    """
    methods = spec.methods(task)
    if not methods:
        shared = {"fit": Fit.CROP, "conditioning_scale": spec.defaults.conditioning_scale}
        return {name: value for name, value in shared.items() if name in spec.takes(task)}
    method = chosen.get("method", methods[0])
    return {**_COMMON, "method": method, **_of_method(method, chosen, spec)}


def _of_method(method: Any, chosen: Mapping[str, Any], spec: ModelSpec) -> dict[str, Any]:
    own = spec.defaults
    if method == Method.RENOISE:
        return {"strength": own.strength}
    if method == Method.VACE:
        guide = Guide.BLANK if chosen.get("mask") else Guide.VIDEO
        return {"conditioning_scale": own.conditioning_scale, "guide": guide}
    if method != Method.FLOW_EDIT:  # refused later
        return {}
    guidance = own.guidance_scale if own.edit.guidance_scale is None else own.edit.guidance_scale
    source = own.edit.source_guidance_scale
    return {
        "strength": own.edit.strength,
        "guidance_scale": guidance,
        "source_guidance_scale": source or chosen.get("guidance_scale", guidance),
        "source_prompt": "",
        "n_min": 0,
        "n_avg": 1,
    }


def check_method(request: GenerationRequest, spec: ModelSpec) -> None:
    """Refuse a method that the model has not; raises InvalidRequest."""
    methods = spec.methods(request.task)
    if methods and request.method not in methods:
        allowed = f"must be one of {', '.join(methods)} for {spec.id}"
        raise InvalidRequest("method", request.method, allowed, methods)


def check(request: GenerationRequest) -> None:
    """Refuse what the request's method does not use; raises InvalidRequest."""
    if request.method is None:
        return
    for name, having in OF_METHOD.items():
        value = getattr(request, name)
        if value is not None and request.method not in having:
            allowed = f"is not used by the method {request.method}, but by {' and '.join(having)}"
            raise InvalidRequest(name, value, allowed)
    if (request.n_min or 0) > request.effective_steps:
        allowed = f"must be at most the {request.effective_steps} steps that run at this strength"
        raise InvalidRequest("n_min", request.n_min, allowed, (request.effective_steps,))


def check_mask(mask: Medium, video: Medium) -> None:
    """A mask lies over its video pixel by pixel; raises InvalidRequest."""
    if (mask.width, mask.height) != (video.width, video.height):
        raise InvalidRequest(
            "mask",
            f"{mask.width}x{mask.height}",
            f"must have the size of the video, {video.width}x{video.height}",
        )
