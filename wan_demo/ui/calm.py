"""Events while the data folder can't be reached: a sentence beside the queue, and no error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import gradio as gr
from gradio.components import Component

from wan_demo.errors import StorageAway

QUEUE = "queue"
"""The ``elem_id`` of the line that every look at the queue writes."""


def calm(handler: Callable[..., Any], writes: Sequence[Component]) -> Callable[..., Any]:
    """``handler``, but for a page that stays as it is, and says why, while there is nothing to ask.

    A page looks at its job more than once a second: as errors these would pile up on it.
    """

    @wraps(handler)
    def answer(*given: Any) -> Any:
        try:
            return handler(*given)
        except StorageAway as away:
            said = {part: f"<span>{away}</span>" for part in writes if part.elem_id == QUEUE}
            return said or {writes[0]: gr.skip()}

    return answer
