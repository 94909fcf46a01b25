"""Every English text that the code holds and a page may show, with ``7`` where something stands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "wan_demo"

SHOWN = (
    *("errors.py", "fetch.py", "service.py", "domain", "media", "ui"),
    *("engine/memory/words.py", "hub/connection.py"),
)
"""Where sentences for people are written; the catalogue's texts are the components' too."""

_TAG = re.compile(r"<[^>]*>")
_READ = re.compile(r"\s(?:aria-label|title|alt|data-words|data-title)='([^']*)'")
_WORDS = re.compile(r"[A-Za-z]{2,}.* |.* [a-z]{3,}")


def sentences() -> set[str]:
    """What is surely for people to read: several words, in a module that speaks to them."""
    told = {text for name in SHOWN for path in _files(name) for text in _texts(path)}
    return {text for text in told if _WORDS.match(text)}


def everything() -> set[str]:
    """All texts of the code, names and single words among them."""
    return {text for path in ROOT.rglob("*.py") for text in _texts(path)}


def _files(name: str) -> Iterator[Path]:
    path = ROOT / name
    yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def _texts(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {
        id(value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.JoinedStr, ast.Expr))
        for value in (node.values if isinstance(node, ast.JoinedStr) else [node.value])
    }
    for node in ast.walk(tree):
        if id(node) not in parts and isinstance(node, (ast.JoinedStr, ast.Constant)):
            yield from _pieces(_sample(node))


def _sample(node: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(node, ast.Constant):
        return re.sub(r"\{\w*\}", "7", node.value) if isinstance(node.value, str) else ""
    held = (value.value if isinstance(value, ast.Constant) else "7" for value in node.values)
    return "".join(map(str, held))


def _pieces(text: str) -> Iterator[str]:
    """HTML's texts, and those of its attributes; of any other text itself."""
    for piece in (*_TAG.split(text), *_READ.findall(text)):
        if inner := unescape(piece).strip().strip(","):
            yield inner.strip()
