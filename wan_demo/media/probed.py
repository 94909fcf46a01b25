"""What is in a file, looked at once: opening a stranger's file takes a process of its own."""

from __future__ import annotations

from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from wan_demo.domain.medium import Medium
from wan_demo.errors import UnreadableMedium
from wan_demo.media.decode import Kind, may_open, probe

Stamp = tuple[int, int]


def probed(path: Path, kind: Kind) -> Medium:
    """``probe``, remembering the answer, a refusal too, while the file stays as it is.

    Raises NotHere in a thread that opens none, where no answer is remembered.
    """
    key = (path, kind, stamp(path))
    with _turn_of(*key) if may_open() else nullcontext():
        answer = _probe_once(*key)
    if isinstance(answer, UnreadableMedium):  # anew: one raised twice would grow its traceback
        raise UnreadableMedium(answer.field, answer.value, answer.allowed)
    return answer


@lru_cache(maxsize=256)
def _probe_once(path: Path, kind: Kind, _stamp: Stamp) -> Medium | UnreadableMedium:
    try:
        return probe(path, kind)
    except UnreadableMedium as refusal:
        return refusal


def _turn_of(*key: Any) -> Lock:
    """Who asks for the same file meanwhile waits for the answer."""
    with _turns_lock:
        return _turn(*key)


@lru_cache(maxsize=256)
def _turn(_path: Path, _kind: Kind, _stamp: Stamp) -> Lock:
    return Lock()


_turns_lock = Lock()


def stamp(path: Path) -> Stamp:
    """Changes with the file: (nanoseconds, bytes)."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)
