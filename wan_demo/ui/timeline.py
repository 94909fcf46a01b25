"""The timeline: a video's frames, and two handles for the part of it that is used.

``static/timeline.js`` moves the handles. The pictures are the server's (``media.glimpse``).
"""

from __future__ import annotations

import gradio as gr

from wan_demo.domain.cut import Cut
from wan_demo.domain.medium import Medium
from wan_demo.domain.model import ModelSpec
from wan_demo.ui import words
from wan_demo.ui.html import script
from wan_demo.ui.stills import render_stills

UNPLAYABLE = (
    "This browser can't play your video, so you see stills of it. It can be edited all the same."
)


def timeline_box() -> gr.HTML:
    """Nothing, until there is a video; ``cut`` is its event."""
    code = script("timeline.js")
    return gr.HTML("", elem_id="timeline", js_on_load=code, apply_default_css=False)


def render_timeline(medium: Medium, look: str, spec: ModelSpec, cut: Cut, used: int | None) -> str:
    """The timeline of a video of which ``used`` frames are used; None where it has too few.

    ``look`` is the address of the video's pictures.
    """
    end = medium.seconds if cut.end is None else min(cut.end, medium.seconds)
    return (
        f"<section class='timeline' aria-label='The part that is used' "
        f"data-key='{look}' "
        f"data-seconds='{medium.seconds:.3f}' data-start='{cut.start:.3f}' data-end='{end:.3f}' "
        f"data-speed='{cut.speed:g}' data-fps='{spec.defaults.fps}' "
        f"data-least='{spec.limits.min_frames}'>"
        f"{render_stills('video', look, cut.start, UNPLAYABLE)}"
        f"<div class='track'><img class='film' src='{look}/strip' alt=''><i class='used'></i>"
        f"{_handle('start', 'Start', medium)}{_handle('end', 'End', medium)}</div>"
        f"<p class='readout'><span class='told' data-words='{words.USED}'>"
        f"{'' if used is None else words.used(used, spec.defaults.fps)}</span>"
        f"<span class='whole'>of {words.number(round(medium.seconds, 1))} s</span></p></section>"
    )


def _handle(name: str, label: str, medium: Medium) -> str:
    """Its range stands here, or an answer that comes while it is dragged would take that away."""
    return (
        f"<input type='range' class='{name}' min='0' max='{medium.seconds:.3f}' step='0.001' "
        f"aria-label='{label}'>"
    )
