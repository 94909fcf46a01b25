"""The page in a person's language: English texts are the keys of ``languages/*.json``.

A key may be a whole text, or one with ``{}`` where something else stands: "Step {} of {}". What
stands there is looked up in its turn; ``{#}`` is a number. A translation puts it back by ``{}`` in
the same order, or by ``{0}``, ``{1}`` in another. Several sentences, and several phrases between
commas, are looked up one by one. What has no translation stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "languages"

TELLING = 6
"""Characters of a key, its gaps aside, from which on a gap of it may hold commas."""

LONGEST, DEEPEST = 600, 12
"""Characters of a text that is looked up, and texts within each other and after one another: what
has more is a stranger's, and nobody's time is spent on it."""

_REMEMBERED = 4096
_GAP = re.compile(r"\{#?\}")
_CLAUSE = r"((?:(?!; ).)+?)"
_PHRASE, _ANYTHING = r"((?:(?![,;] ).)+?)", "(.+?)"
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z“])")


Marks = tuple[str, str]
"""The comma and the full stop that join what is put together."""


class Language:
    """One language's texts. ``tags``: ``<html lang>``'s own first, then what else browsers call it.

    Gradio knows a language by some tags alone: any other is English to it, and has to be here.
    """

    def __init__(self, tags: Sequence[str], marks: Marks, texts: Mapping[str, str]) -> None:
        self.tags = tags
        self.texts = texts
        self._comma, self._stop = marks
        by_length = sorted(filter(_has_gap, texts), key=lambda key: -len(_GAP.sub("", key)))
        self._tight = {key: _pattern(key, _PHRASE) for key in by_length}
        self._telling = {
            key: _pattern(key, _CLAUSE) for key in by_length if len(_GAP.sub("", key)) >= TELLING
        }
        self._loose = {key: _pattern(key, _ANYTHING) for key in by_length}
        self.say = lru_cache(_REMEMBERED)(self._say)

    def _say(self, text: str, depth: int = 0) -> str:
        """The text in this language; as it is where there is no translation."""
        return self._translated(text, depth) or text

    def _translated(self, text: str, depth: int) -> str | None:
        if len(text) > LONGEST or depth > DEEPEST:
            return None
        return (
            self._whole(text)
            or self._sentences(text, depth + 1)
            or self._filled(text, self._tight, depth + 1)
            or self._filled(text, self._telling, depth + 1)
            or self._stopped(text, depth + 1)
            or self._listed(text, depth + 1)
            or self._filled(text, self._loose, depth + 1)
        )

    def _whole(self, text: str) -> str | None:
        """A key itself, or the sentence of one that has no full stop."""
        if text in self.texts:
            return self._used(text)
        is_sentence = text.endswith(".") and text[:-1] in self.texts
        return f"{self._used(text[:-1])}{self._stop}" if is_sentence else None

    def _used(self, key: str) -> str:
        """The translation of a key; a test that looks for dead ones overrides it."""
        return self.texts[key]

    def _sentences(self, text: str, depth: int) -> str | None:
        """Several sentences: as many as a key has of the first ones, then the rest."""
        parts = _SENTENCE.split(text)
        for count in range(len(parts) - 1, 0, -1):
            head, rest = " ".join(parts[:count]), " ".join(parts[count:])
            said = self._whole(head) if count > 1 else self._translated(head, depth)
            if said is not None:
                return f"{said}{self.say(rest, depth)}"
        rest = " ".join(parts[1:])
        said = self.say(rest, depth)
        return f"{parts[0]} {said}" if said != rest else None

    def _stopped(self, text: str, depth: int) -> str | None:
        """A sentence by what is before its full stop."""
        said = self._translated(text[:-1], depth) if text.endswith(".") else None
        return said and f"{said}{self._stop}"

    def _filled(self, text: str, patterns: Mapping[str, re.Pattern[str]], depth: int) -> str | None:
        """A text by a key with gaps."""
        for key, pattern in patterns.items():
            if found := pattern.fullmatch(text):
                parts = (self.say(part, depth) for part in found.groups())
                return self._used(key).format(*parts)
        return None

    def _listed(self, text: str, depth: int) -> str | None:
        """Several short phrases in a row, each by itself."""
        parts = text.split(", ")
        said = [self._translated(part, depth) for part in parts] if len(parts) > 1 else []
        if not any(said):
            return None
        return self._comma.join(new or old for new, old in zip(said, parts, strict=True))


@lru_cache(1)
def languages() -> Mapping[str, Language]:
    """All that there are beside English, by their files' names."""
    return {path.stem: _read(path) for path in sorted(FOLDER.glob("*.json"))}


@lru_cache(256)
def spoken(accepted: str) -> Language | None:
    """The language that an ``Accept-Language`` header asks for first; None for English.

    That is the browser's own, by which it chooses among the translations that lie in the page.
    """
    asked = accepted.partition(",")[0].partition(";")[0].strip().lower()
    named = {tag.lower(): each for each in languages().values() for tag in each.tags}
    return named.get(asked)


def _read(path: Path) -> Language:
    held = json.loads(path.read_text(encoding="utf-8"))
    return Language(held["tags"], (held["comma"], held["stop"]), dict(_flat(held["texts"])))


def _flat(groups: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    for texts in groups.values():
        yield from texts.items()


def _has_gap(key: str) -> bool:
    return _GAP.search(key) is not None


def _pattern(key: str, held: str) -> re.Pattern[str]:
    """A key as a pattern, whose gaps hold this or a number."""
    texts, gaps = _GAP.split(key), [*_GAP.findall(key), ""]
    by_gap = {"{}": held, "{#}": r"(-?\d(?:[\d.,]*\d)?)", "": ""}
    return re.compile("".join(re.escape(t) + by_gap[g] for t, g in zip(texts, gaps, strict=True)))
