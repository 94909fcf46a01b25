"""The choices of an edit: by which method, with what of the source, in words."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Method(StrEnum):
    """How a video becomes another one."""

    RENOISE = "renoise"
    """Noise is put on it and taken off again by the prompt (SDEdit, Meng et al., arXiv
    2108.01073)."""
    FLOW_EDIT = "flow_edit"
    """It moves along the difference of what two prompts say (FlowEdit, Kulikov et al., arXiv
    2412.08629)."""
    VACE = "vace"
    """A model made for it follows it at every step (VACE, Jiang et al., arXiv 2503.07598)."""


class Direction(StrEnum):
    """Which way the source plays."""

    FORWARD = "forward"
    REVERSED = "reversed"


class Fit(StrEnum):
    """What happens to a medium of another ratio; it is never stretched."""

    CROP = "crop"
    """It fills the frame, and what stands over is cut off evenly."""
    PAD = "pad"
    """All of it is seen, with its blurred self around it."""


class Sound(StrEnum):
    """What becomes of the source's sound."""

    KEEP = "keep"
    NONE = "none"


class Colors(StrEnum):
    """Where the clip's overall colors come from."""

    PROMPT = "prompt"
    SOURCE = "source"


class Guide(StrEnum):
    """What VACE sees of the video: of all of it, or inside the mask where there is one."""

    VIDEO = "video"
    EDGES = "edges"
    GRAY = "gray"
    BLUR = "blur"
    BLANK = "blank"


OF_METHOD: Mapping[str, tuple[Method, ...]] = {
    "strength": (Method.RENOISE, Method.FLOW_EDIT),
    "source_prompt": (Method.FLOW_EDIT,),
    "source_guidance_scale": (Method.FLOW_EDIT,),
    "n_min": (Method.FLOW_EDIT,),
    "n_avg": (Method.FLOW_EDIT,),
    "conditioning_scale": (Method.VACE,),
    "guide": (Method.VACE,),
}
"""The request's fields that not every method has, with those that do."""
