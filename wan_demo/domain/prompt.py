"""The text of a prompt: cleaned as Wan's pipelines clean it, then read for weights on phrases.

``(neon sign:1.3)`` gives a phrase a weight; weights within weights multiply. Parentheses without
a number stay text, as prompts for Wan hold some, and so do ``\\(`` and ``\\)`` always. This is the
notation of AUTOMATIC1111's web UI and of ComfyUI, less its short forms ``(x)`` and ``[x]``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import unescape

import ftfy

from wan_demo.errors import InvalidRequest

PROMPTS = ("prompt", "negative_prompt", "prompt_end", "source_prompt")
"""The request's fields that hold such text; the last one may hold None."""

MAX_WEIGHT = 2.0

_ALLOWED = (
    "must give a phrase its weight as a number from 0 to 2, as in (neon sign:1.3), and write a "
    "parenthesis that is text as \\( or \\)"
)
_MARK = re.compile(r"\\(?P<text>[\\()])|(?P<open>\()|(?P<close>\))")
# Each sign has one way to match: a long row of digits in many parentheses would else take minutes.
_LIKE_A_NUMBER = r"(?=[-+.,]*\d)[-+.,\d]+(?:e[-+]?\d+)?"
_WEIGHT = re.compile(rf"{_LIKE_A_NUMBER}|[-+]?(?:nan|inf|infinity)", re.IGNORECASE)
_UNCLOSED = re.compile(rf":\s*{_LIKE_A_NUMBER}(?=\s|$)", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+")


@dataclass(frozen=True)
class Phrase:
    """A part of a prompt, and how much it counts: 1 is as written, 0 not at all."""

    text: str
    weight: float = 1.0


def clean(text: str) -> str:
    """Broken encodings mended, HTML's entities resolved, white space made single.

    The same text as ``prompt_clean`` of diffusers' ``pipeline_wan.py`` gives, which the server
    can't import without torch. Full-width forms become plain ones: （猫：1.3） is (猫:1.3).
    """
    return " ".join(unescape(unescape(ftfy.fix_text(text))).split())


def phrases(text: str, field: str = "prompt") -> tuple[Phrase, ...]:
    """The cleaned text's phrases in order, without the marks; together they are what is encoded.

    Raises InvalidRequest, naming ``field``, for a weight that is none.
    """
    levels: list[list[Phrase]] = [[]]
    cleaned, at = clean(text), 0
    for mark in _MARK.finditer(cleaned):
        _append(levels[-1], cleaned[at : mark.start()])
        at = mark.end()
        if mark["open"]:
            levels.append([])
        elif mark["close"] and len(levels) > 1:
            _extend(levels[-2], _closed(levels.pop(), field))
        else:
            _append(levels[-1], mark["text"] or ")")
    _append(levels[-1], cleaned[at:])
    while len(levels) > 1:
        _extend(levels[-2], _left_open(levels.pop(), field))
    return _tidy(levels[0])


def plain(text: str) -> str:
    """What is encoded of a prompt: cleaned, without the marks of weights."""
    return "".join(phrase.text for phrase in phrases(text))


def _closed(inner: list[Phrase], field: str) -> list[Phrase]:
    """What a pair of parentheses held: weighted where it ends in a number, else with them."""
    *before, last = inner or [Phrase("")]
    text, colon, number = last.text.rpartition(":")
    if not colon or last.weight != 1 or not _WEIGHT.fullmatch(number.strip()):
        return [Phrase("("), *inner, Phrase(")")]
    held = [*before, replace(last, text=text)]
    weight = _weight(number.strip())
    if weight is None or not _joined(held).strip():
        raise InvalidRequest(field, f"({_joined(inner)})", _ALLOWED)
    return [Phrase(phrase.text, phrase.weight * weight) for phrase in held]


def _left_open(inner: list[Phrase], field: str) -> list[Phrase]:
    """A parenthesis that nothing closes is text, but for a weight that was begun."""
    if _UNCLOSED.search(_joined(inner)):
        raise InvalidRequest(field, f"({_joined(inner)}", _ALLOWED)
    return [Phrase("("), *inner]


def _weight(number: str) -> float | None:
    weight = float(number) if _NUMBER.fullmatch(number) else None
    return weight if weight is not None and weight <= MAX_WEIGHT else None


def _extend(level: list[Phrase], more: Sequence[Phrase]) -> None:
    for phrase in more:
        _append(level, phrase.text, phrase.weight)


def _append(level: list[Phrase], text: str, weight: float = 1.0) -> None:
    """Add text, to the last phrase where that has the same weight."""
    if not text:
        return
    if level and level[-1].weight == weight:
        text = level.pop().text + text
    level.append(Phrase(text, weight))


def _tidy(found: list[Phrase]) -> tuple[Phrase, ...]:
    """White space stays single where marks were taken out."""
    tidied: list[Phrase] = []
    for phrase in found:
        text = re.sub(r"\s+", " ", phrase.text)
        if not tidied or tidied[-1].text.endswith(" "):
            text = text.lstrip()
        _append(tidied, text, phrase.weight)
    if tidied:
        last = tidied.pop()
        _append(tidied, last.text.rstrip(), last.weight)
    return tuple(tidied)


def _joined(found: Sequence[Phrase]) -> str:
    return "".join(phrase.text for phrase in found)
