"""A clip's length in seconds: which a model can do, and how many frames it takes.

A clip of ``duration`` seconds shows the whole number of frames that comes nearest, at the request's
own rate. Wan makes 4k+1 frames, so the next 4k+1 up are generated, and the surplus is dropped
before the clip is written (``wan_demo.media.encode``), where the last frame is shown for what is
left of the time.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Any

from wan_demo.domain.model import Limits, ModelSpec
from wan_demo.domain.request import GenerationRequest, frames_of
from wan_demo.errors import InvalidRequest

DIGITS = 1000
"""Bounds are told in milliseconds, rounded to what is allowed."""


def with_length(request: GenerationRequest, spec: ModelSpec) -> GenerationRequest:
    """The request with the frames that its duration takes; raises InvalidRequest."""
    if request.duration is None:
        return request
    low, high = _range(spec.limits, request.fps)
    if not low <= request.duration <= high:
        raise no_such_length(request.duration, spec, request.fps)
    frames = generated_frames(request.duration, request.fps, spec.limits)
    return request.model_copy(update={"num_frames": frames})


def generated_frames(duration: float, fps: int, limits: Limits) -> int:
    """The 4k+1 frames, within the model's limits, of which so many seconds are cut."""
    up = ceil((frames_of(duration, fps) - 1) / 4) * 4 + 1
    return min(max(up, limits.min_frames), limits.max_frames)


def no_such_length(value: Any, spec: ModelSpec, fps: int) -> InvalidRequest:
    """The refusal of a duration that the model can't do, whatever was given for it."""
    low, high = (ceil(DIGITS / fps) / DIGITS, floor(spec.limits.max_frames * DIGITS / fps) / DIGITS)
    allowed = f"must be from {low:g} to {high:g} seconds for {spec.id} at {fps} fps"
    is_number = isinstance(value, (int, float)) and value == value  # NaN is like no number
    nearest = (low if value < low else high,) if is_number else ()
    return InvalidRequest("duration", value, allowed, nearest)


def _range(limits: Limits, fps: int) -> tuple[float, float]:
    return 1 / fps, limits.max_frames / fps
