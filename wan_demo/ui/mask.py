"""The board on which a mask is drawn: over the frame at which the used part of a video begins.

It is drawn by the browser (``static/mask.js``), by mouse, pen, touch or keyboard.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from wan_demo.domain.cut import Cut
from wan_demo.domain.medium import Medium
from wan_demo.ui.html import script

NAME = "drawn-mask.png"
"""What a drawn mask is called, among those that were uploaded."""

HINT = "Draw over what is to be edited; it is held over the whole clip. Or add a mask below."

KEYS = (
    "By keyboard: arrow keys move the brush, with Shift further; Space paints, held down too; "
    "Enter puts the brush down and lifts it; + and − make it larger and smaller; Delete clears."
)


def mask_board() -> gr.HTML:
    """Nothing, until there is a video; its events are ``drawn`` and ``wiped``."""
    code = script("mask.js")
    return gr.HTML("", elem_id="board", js_on_load=code, apply_default_css=False)


def is_drawn(mask: Any) -> bool:
    """Whether a mask was drawn here."""
    return Path(str(mask or "")).name.endswith(NAME)


def render_board(medium: Medium, look: str, cut: Cut, mask: Any) -> str:
    """The board for a video, and its tools; ``look`` is the address of the video's pictures."""
    drawn = f"yes' data-mask='{escape(str(mask))}" if is_drawn(mask) else "no"
    size = f" width='{medium.width}' height='{medium.height}'"
    return (
        f"<section class='paint' data-key='{look}' data-name='{NAME}' "
        f"data-drawn='{drawn}'>"
        f"<div class='board'><img class='frame' loading='lazy' "
        f"src='{look}/frame?at={cut.start:.3f}' alt=''>"
        f"<canvas class='strokes'{size} tabindex='0' role='application' "
        "aria-label='Draw the mask here' aria-describedby='mask-keys'></canvas>"
        "<i class='pen'></i></div>"
        f"<p class='keys readout' id='mask-keys'>{escape(KEYS)}</p>"
        "<p class='place heard' role='status' data-words='{}% across, {}% down'></p>"
        "<div class='tools'>"
        "<label>Brush <input type='range' class='brush' min='2' max='30' value='10'></label>"
        "<label><input type='checkbox' class='eraser'> Erase</label>"
        "<button type='button' class='act clear'>Clear</button></div>"
        f"<p class='readout'>{escape(HINT)}</p></section>"
    )
