"""Events that can't be done: a sentence in its place, and no error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import gradio as gr
from gradio.components import Component

from wan_demo.errors import InvalidRequest, StorageAway
from wan_demo.ui import notices
from wan_demo.ui.away import at_home
from wan_demo.ui.refusing import answerable
from wan_demo.ui.translated import translated

QUEUE = "queue"
"""The ``elem_id`` of the line that every look at the queue writes."""


def calm(handler: Callable[..., Any], writes: Sequence[Component]) -> Callable[..., Any]:
    """``handler``, but for a page that stays as it is, and says why, while there is nothing to ask.

    A page looks at its job more than once a second: as errors these would pile up on it. A value
    that can't be used, a model that is gone above all, is refused in the line above Generate.
    """

    @wraps(handler)
    def answer(*given: Any) -> Any:
        try:
            return translated(at_home(handler(*map(_said_again, given))))
        except StorageAway as away:
            return translated(_said(QUEUE, f"<span class='away'>{away}</span>", writes))
        except InvalidRequest as error:
            return translated(_said(notices.PLAN, notices.render_refusal(error), writes))

    return answer


def _said_again(given: Any) -> Any:
    """The page's values by component as they can be answered; what else there is, as it is."""
    if not isinstance(given, dict):
        return given
    return {part: answerable(value) for part, value in given.items()}


def _said(where: str, text: str, writes: Sequence[Component]) -> dict[Component, Any]:
    """A sentence in a line, for events that write it; the others change nothing."""
    return {part: text for part in writes if part.elem_id == where} or {writes[0]: gr.skip()}
