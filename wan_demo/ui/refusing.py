"""A page that refuses what no page of ours sends in a sentence, where Gradio logs a traceback."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import gradio as gr

RELOAD = "This page does not fit the server, which may be another version by now. Reload it."


class RefusingBlocks(gr.Blocks):
    """``gr.Blocks`` whose errors over what a client sent are its client's, and no fault here."""

    async def process_api(self, *given: Any, **named: Any) -> dict[str, Any]:
        """One event; every gr.Error is a sentence, and no reason for a traceback in the log."""
        try:
            return await super().process_api(*given, **named)
        except gr.Error as error:
            error.print_exception = False
            raise

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], *given: Any, **named: Any
    ) -> list[Any]:
        """The values of an event; raises gr.Error, naming the field, for a file that is none."""
        try:
            return await super().preprocess_data(block_fn, inputs, *given, **named)
        except ValueError:  # of pydantic's, of Gradio's own, and of addresses that it won't open
            raise gr.Error(_refusal(block_fn.inputs, inputs), print_exception=False) from None


def _refusal(parts: Sequence[Any], values: Sequence[Any]) -> str:
    files = [
        part.label
        for part, value in zip(parts, values, strict=False)
        if value is not None and getattr(part, "data_model", None)
    ]
    if len(parts) != len(values) or not files:
        return RELOAD
    return (
        f"{' and '.join(files)}: must be a file that was uploaded (handle_file of gradio_client)."
    )


def answerable(value: Any) -> Any:
    """A value that can be said again: half a character can't, and no number beyond numbers.

    Of what is nested only the first floor is looked at: no event says again what lies deeper.
    """
    if isinstance(value, dict):
        return {name: _answerable(each) for name, each in value.items()}
    return _answerable(value)


def _answerable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    is_beyond = isinstance(value, float) and not math.isfinite(value)
    return str(value) if is_beyond else value
