"""image_to_video that goes on from a video: its last frame begins what is made, behind it all.

The video is used as an edit's is: from where to where, how fast and which way round. Its frames
come first in the finished clip, at the request's size and rate, and those made follow without the
one that both have.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from wan_demo.domain.edit import Direction, Sound
from wan_demo.domain.files import said
from wan_demo.domain.medium import Medium
from wan_demo.domain.request import MAX_FRAMES, GenerationRequest, Task
from wan_demo.errors import InvalidRequest

FIELDS = frozenset(("video", "trim_start", "trim_end", "speed", "direction", "sound"))
"""The request's fields that it takes besides those of its task; it takes no ``image``."""


def is_one(given: Mapping[str, Any]) -> bool:
    """Whether values by field ask for it."""
    return given.get("task") == Task.IMAGE_TO_VIDEO and bool(given.get("video"))


def defaults(medium: Medium | None) -> dict[str, Any]:
    """What is left open. The video's end is told, as the clip's length follows from it."""
    end = {"trim_end": medium.seconds} if medium is not None and medium.kind == "video" else {}
    return {"speed": 1.0, "direction": Direction.FORWARD, "sound": Sound.KEEP, **end}


def check(request: GenerationRequest) -> None:
    """Refuse an image beside the video, and more than a clip may hold; raises InvalidRequest."""
    if request.image is not None:
        allowed = "can't be given together with video; leave one of the two out"
        raise InvalidRequest("image", said(request.image), allowed)
    surplus = request.played_frames - MAX_FRAMES
    if surplus > 0:
        start = request.trim_start or 0.0
        least = ceil((start + surplus * (request.speed or 1.0) / request.fps) * 1000) / 1000
        allowed = f"must be at least {least:g}, as a clip has at most {MAX_FRAMES:,} frames"
        raise InvalidRequest("trim_start", start, allowed, (least,))
