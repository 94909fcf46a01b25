"""Friendly notes on a request that is allowed but may disappoint."""

from __future__ import annotations

import re

from wan_demo.domain.medium import Medium
from wan_demo.domain.model import ModelSpec, Vocabulary
from wan_demo.domain.request import Task

PHOTO_DETAIL = 0.12
"""A medium with more detail than this is no drawing of plain shapes (see Medium.detail).

Between what was measured: this app's own examples have 0.04 to 0.07, the five photographs among
Gradio's sample pictures 0.55 to 0.98, its small icons 0.33.
"""

_WORD = re.compile(r"[a-z]+|[一-鿿]")


def unknown_words(prompt: str, vocabulary: Vocabulary) -> list[str]:
    """Words of the prompt that the model never saw, in order, each once.

    Chinese is looked up character by character, as it is written without spaces.
    """
    found = dict.fromkeys(_WORD.findall(prompt.lower()))
    return [word for word in found if word not in vocabulary.words]


def notes(spec: ModelSpec, task: Task, prompt: str, medium: Medium | None) -> list[str]:
    """What to tell the person, as whole sentences; empty when there is nothing."""
    vocabulary = spec.vocabulary
    if vocabulary is None:
        return []
    said = []
    strange = unknown_words(prompt, vocabulary)
    if strange:
        said.append(_about_words(spec, vocabulary, strange))
    if medium is not None and medium.detail > PHOTO_DETAIL:
        said.append(_about_photo(spec, vocabulary, medium))
    return said


def _about_words(spec: ModelSpec, vocabulary: Vocabulary, strange: list[str]) -> str:
    quoted = ", ".join(f"“{word}”" for word in strange[:3])
    return (
        f"{spec.title} is a small model for trying the app and does not know {quoted}. It knows "
        f"{vocabulary.summary}. For more, choose {vocabulary.better_model}."
    )


def _about_photo(spec: ModelSpec, vocabulary: Vocabulary, medium: Medium) -> str:
    return (
        f"{spec.title} has only seen plain shapes, so your {medium.kind} will come out soft. "
        f"{vocabulary.better_model} is made for real pictures."
    )
