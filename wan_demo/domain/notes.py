"""Friendly notes on a request that is allowed but may disappoint."""

from __future__ import annotations

import re

from wan_demo.domain.control import control
from wan_demo.domain.medium import Medium
from wan_demo.domain.model import ModelSpec, Vocabulary
from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.domain.tokens import Tokens

PHOTO_DETAIL = 0.12
"""A medium with more detail than this is no drawing of plain shapes (see Medium.detail).

Between what was measured: this app's own examples have 0.04 to 0.07, the five photographs among
Gradio's sample pictures 0.55 to 0.98, its small icons 0.33.
"""

LONGEST_QUOTE = 80
"""Characters of a cut text that are told."""

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


def about_tokens(spec: ModelSpec, field: str, tokens: Tokens | None) -> list[str]:
    """What is cut of a prompt that is longer than the model reads."""
    if tokens is None or not tokens.cut:
        return []
    short = tokens.cut if len(tokens.cut) <= LONGEST_QUOTE else f"{tokens.cut[:LONGEST_QUOTE]}…"
    return [
        f"{control(field).label}: {spec.title} reads {tokens.limit} tokens of its {tokens.count}. "
        f"This is cut: “{short}”"
    ]


def about_negative(spec: ModelSpec, request: GenerationRequest) -> list[str]:
    """A negative prompt works through guidance; silent where neither is the person's choice."""
    chosen = (request.negative_prompt, request.guidance_scale)
    is_default = chosen == (spec.defaults.negative_prompt, spec.defaults.guidance_scale)
    if request.guidance_scale > 1 or not request.negative_prompt or is_default:
        return []
    return ["At guidance 1 the negative prompt has no effect."]


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
