"""How much of what a model reads a prompt takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tokens:
    """``count`` with the mark of the end, of at most ``limit``; ``cut`` is the text beyond."""

    count: int
    limit: int
    cut: str = ""
