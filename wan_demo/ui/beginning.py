"""What Image to video begins with: a picture, or a video that is gone on with.

Both boxes keep what is in them, and the one that is chosen counts. What a request uses of its video
lies beside the box, out of sight: it is that video's alone, and goes with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from wan_demo.domain.cut import Cut
from wan_demo.domain.edit import Direction
from wan_demo.domain.medium import Medium
from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.media.take import HAIR
from wan_demo.ui.stills import render_stills
from wan_demo.ui.values import Radio, Video

PICTURE, VIDEO = "picture", "video"

BOX, CUT_BOX = "continued", "continued_cut"
"""The components of the video, and of what is used of it; the choice's is ``begin``."""

NAMES = ("begin", BOX, CUT_BOX)
"""The form's components that are no fields of the request."""

CUT = ("trim_start", "trim_end", "speed", "direction")
"""The fields that say what is used of the video."""

OF_EDITS = ("num_frames", "guidance_scale", "guidance_scale_2")
"""The fields that an edit has values of its own for."""

ASK = "Add the video to continue."

UNPLAYABLE = (
    "This browser can't play your video, so you see the frame that the new part begins with. It "
    "can be continued all the same."
)


def begin_box() -> Radio:
    """Which of the two it is."""
    return Radio(
        label="Start from",
        choices=[("From a picture", PICTURE), ("Continue a video", VIDEO)],
        value=PICTURE,
        show_label=False,
        container=False,
        elem_id="begin",
    )


def video_box() -> Video:
    """The video whose last frame begins what is made."""
    label = "Video to continue"
    return Video(label=label, sources=["upload"], height=220, min_width=120, elem_id=BOX)


def cut_box() -> gr.JSON:
    """What is used of the video, by field name; empty: all of it. Never seen."""
    return gr.JSON({}, visible="hidden", elem_id=CUT_BOX)


def begun_note() -> gr.HTML:
    """Nothing, until there is a video; seen where the browser can't play it."""
    tell = "watch('value', () => document.dispatchEvent(new Event('still')));"
    return gr.HTML("", elem_id="begun", js_on_load=tell, apply_default_css=False)


def render_begun(medium: Medium, look: str, held: Any) -> str:
    """The last frame that is used of a video; ``held``: of it, as the hidden box holds it."""
    used = cut_of(held)
    cut, is_reversed = Cut.chosen(used), used.get("direction") == Direction.REVERSED
    end = medium.seconds if cut.end is None else min(cut.end, medium.seconds)
    at = cut.start if is_reversed else max(0.0, end - 2 * HAIR)  # before what follows the end
    return render_stills(BOX, look, at, UNPLAYABLE)


def is_video(task: Any, begin: Any) -> bool:
    """Whether a tab's form goes on from a video."""
    return task == Task.IMAGE_TO_VIDEO and begin == VIDEO


def cut_of(held: Any) -> dict[str, Any]:
    """What the hidden box holds, of what it may hold."""
    return {name: held[name] for name in CUT if name in held} if isinstance(held, dict) else {}


def given(values: Mapping[str, Any], task: str) -> dict[str, Any]:
    """The request's fields that follow from the form's values; none where a picture begins."""
    if not is_video(task, values["begin"]):
        return {}
    kept = {"video": values[BOX], "sound": values["sound"]}
    return {"image": None, **kept, **cut_of(values[CUT_BOX])}


def kept(made: GenerationRequest) -> dict[str, Any]:
    """What a clip that is gone on with has in common with what is made next, by field name."""
    names = [*_KEPT]
    if made.task is not Task.VIDEO_TO_VIDEO:
        names += [*OF_EDITS, "duration"]
    return {name: value for name in names if (value := getattr(made, name)) is not None}


_KEPT = (
    *("prompt", "negative_prompt", "prompt_end", "width", "height", "num_inference_steps"),
    *("scheduler", "flow_shift", "loras", "profile", "precision"),
)


def begun(medium: str | None, cut: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the components hold to go on from a video."""
    return {"begin": VIDEO, BOX: medium, CUT_BOX: dict(cut or {})}


def shown(made: GenerationRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """The form's values for a request, whose video goes into this tab's box and no other's."""
    if made.task is not Task.IMAGE_TO_VIDEO:
        return dict(values)
    if not made.continues:
        return {**values, "begin": PICTURE}
    cut = made.model_dump(mode="json", include=set(CUT), exclude_none=True)
    others = {name: value for name, value in values.items() if name != "video"}
    return {**others, **begun(values.get("video"), cut)}
