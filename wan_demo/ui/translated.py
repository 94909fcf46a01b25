"""Where texts leave for the page: an event's answers, and the components that it opens with.

What the server writes is English until here. What a person wrote is marked ``translate='no'``, as
HTML has it, and stays. The components are translated by the browser (``gr.I18n``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from html import escape, unescape
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.context import LocalContext

from wan_demo.ui.language import Language, languages, spoken

PROPERTIES = ("label", "info", "placeholder")
"""A component's texts; ``choices`` have some too, and the value of a button and of HTML."""

PARTS = ("number input for {}", "range slider for {}", "Reset {}")
"""What a slider's parts are called for who hears the page: Gradio calls the first two so in English
alone, and has one name for all resets."""

_MARK = "__i18n__"
"""What Gradio puts before a text that the browser is to translate, which is JSON then."""

_TAG = re.compile(r"(<[^>]*>)")
_ATTRIBUTE = re.compile(r"(\s(?:aria-label|title|alt|data-words|data-title)=')([^']*)'")
_KEPT = re.compile(r"<(\w+)[^>]* translate='no'")

Say = Callable[[str], Any]


def translated(updates: Any) -> Any:
    """An event's answer in the language of whoever asked."""
    language = _asked()
    if language is None or not isinstance(updates, dict):
        return updates
    return {part: _update(part, value, language) for part, value in updates.items()}


def in_language(html: str, language: Language) -> str:
    """HTML of ours in a language: its texts, and those of its attributes that are read."""
    return "".join(_pieces(html, language))


def mark(page: gr.Blocks) -> gr.I18n:
    """Mark the texts of a page's components for the browser, and give it their translations."""
    i18n, marked, drawn = gr.I18n(), set[str](), set[str]()

    def say(text: str) -> Any:
        if not any(language.say(text) != text for language in languages().values()):
            return text
        marked.add(text)
        return str(i18n(text))

    def markup(html: str) -> str:
        if not any(in_language(html, language) != html for language in languages().values()):
            return html
        drawn.add(html)
        return str(i18n(html))

    for block in page.blocks.values():
        for name, value in _translated_properties(vars(block), say, block).items():
            setattr(block, name, value)
        if isinstance(block, gr.HTML) and isinstance(block.value, str) and block.value:
            block.value = markup(block.value)
    for name, language in languages().items():  # which stand in for all its tags there
        i18n.translations[name] = {
            **{text: language.say(text) for text in sorted(marked)},
            **{html: in_language(html, language) for html in sorted(drawn)},
        }
    return i18n


def unmarked(text: str) -> str:
    """A text of a component as it was before ``mark``."""
    is_marked = text.startswith(_MARK)
    return json.loads(text.removeprefix(_MARK))["key"] if is_marked else text


def tags() -> Mapping[str, str]:
    """What a browser may call its language, and what the page's own is then."""
    return {tag: each.tags[0] for each in languages().values() for tag in each.tags}


def parts() -> Mapping[str, Mapping[str, str]]:
    """``PARTS`` in each language, by its tag, as ``static/access.js`` fills them in."""
    known = languages().values()
    return {each.tags[0]: {part: each.texts.get(part, part) for part in PARTS} for each in known}


def _asked() -> Language | None:
    request = getattr(LocalContext.request.get(None), "request", None)
    headers = getattr(request, "headers", {})
    return spoken(headers.get("accept-language", ""))


def _update(part: Any, value: Any, language: Language) -> Any:
    if isinstance(part, gr.HTML) and isinstance(value, str):
        return in_language(value, language)
    if isinstance(part, (gr.Markdown, gr.Button)) and isinstance(value, str):
        return language.say(value)
    if isinstance(value, Block):
        given = value.constructor_args
        given.update(_translated_properties(given, language.say, part))
    return value


def _translated_properties(held: Any, say: Say, part: Any) -> dict[str, Any]:
    """The texts among a component's properties, said."""
    names = [*PROPERTIES, *(["value"] if isinstance(part, gr.Button) else [])]
    said = {name: say(held[name]) for name in names if isinstance(held.get(name), str)}
    choices = held.get("choices")
    if choices and isinstance(part, (gr.Radio, gr.Dropdown)):
        said["choices"] = [_choice(each, say) for each in choices]
    return said


def _choice(each: Any, say: Say) -> tuple[Any, Any]:
    name, value = each if isinstance(each, (tuple, list)) else (each, each)
    return (say(name) if isinstance(name, str) else name), value


def _pieces(html: str, language: Language) -> Iterator[str]:
    kept, depth = "", 0  # inside what stays: its tag, and how many of that are open
    for piece in _TAG.split(html):
        if kept:
            depth += bool(re.match(rf"<{kept}\b", piece)) - piece.startswith(f"</{kept}>")
            kept = kept if depth else ""
            yield piece
        elif piece.startswith("<"):
            found = _KEPT.match(piece)
            kept, depth = (found[1], 1) if found else ("", 0)
            said = _ATTRIBUTE.sub(lambda it: f"{it[1]}{_said(it[2], language)}'", piece)
            yield piece if found else said
        else:
            yield _said(piece, language)


def _said(text: str, language: Language) -> str:
    """Escaped text; the space around it stays."""
    inner = text.strip()
    if not inner:
        return text
    said = escape(language.say(unescape(inner)))
    return text.replace(inner, said, 1)
