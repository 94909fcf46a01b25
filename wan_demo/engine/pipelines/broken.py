"""What is wrong with a file of weights, as the end of a sentence."""

from __future__ import annotations

import re

from wan_demo.errors import ModelUnavailable

_FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^\s'\"]*[/\\])?")
"""Those of a whole path, which are nobody's business but this machine's."""


class BrokenFile(ValueError):
    """A file is not what it should be; ``str(error)`` completes "... can't be used: "."""


def refuse(what: str, reason: BaseException | str) -> ModelUnavailable:
    """The error that a person reads: one sentence, whatever a library had to say."""
    said = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    return ModelUnavailable(f"{what} can't be used: {_one_line(said)}.")


def plain(name: str) -> str:
    """A stranger's name, short and plain enough for a sentence."""
    return "".join(c if c.isalnum() or c in "._-" else "?" for c in name[:60])


def _one_line(text: str) -> str:
    """The first line of an error, which may go on for hundreds of keys, without folders."""
    first = (text.strip().splitlines() or ["for a reason that the log has"])[0]
    return _FOLDERS.sub("", first)[:200].rstrip(". ")
