"""What becomes of a person's picture or video that they may not expect, told before it is made."""

from __future__ import annotations

from wan_demo.domain.cut import Cut
from wan_demo.domain.edit import Fit, Sound
from wan_demo.domain.medium import Medium
from wan_demo.domain.request import GenerationRequest

LEAST_CUT = 0.1
"""Of a picture's area: what is cut off below that is the rounding of sizes, or hardly seen."""

SAME_PACE = 0.05
"""By how much two frame rates may differ and be called the same."""


def changes(request: GenerationRequest, medium: Medium | None) -> list[str]:
    """Whole sentences; empty where nothing is lost."""
    if medium is None:
        return []
    said = _about_crop(request, medium)
    if medium.kind == "image" and medium.frames > 1:
        said.append(f"Your picture has {medium.frames} frames, of which the first is used.")
    if medium.kind == "video":
        said += _about_rate(request, medium) + _about_sound(request, medium)
    return said


def _about_crop(request: GenerationRequest, medium: Medium) -> list[str]:
    if (request.fit or Fit.CROP) is not Fit.CROP:
        return []
    own, made = medium.width / medium.height, request.width / request.height
    lost = 1 - min(own, made) / max(own, made)
    if lost < LEAST_CUT:
        return []
    where = "the sides" if own > made else "the top and bottom"
    return [
        f"{lost:.0%} of your {medium.kind} is cut off at {where}; padded, it would be seen whole."
    ]


def _about_rate(request: GenerationRequest, medium: Medium) -> list[str]:
    """One clip has one frame rate; a video's varies, or is another."""
    speed = Cut.of(request).speed
    passed = medium.fps * speed / request.fps
    if abs(passed - 1) <= SAME_PACE:
        return []
    used = f"one in {passed:.2g} is used" if passed > 1 else f"each is shown {1 / passed:.2g} times"
    pace = "at the same pace" if speed == 1 else f"at {speed:g}× speed"
    return [
        f"Your video has {medium.fps:.3g} frames a second and the clip {request.fps}: {used}, "
        f"{pace}."
    ]


def _about_sound(request: GenerationRequest, medium: Medium) -> list[str]:
    if request.sound is not Sound.KEEP or medium.sound == "heard":
        return []
    if medium.sound == "none":
        return ["Your video has no sound, so the clip has none."]
    return ["Your video's sound can't be read: the clip will have none."]
