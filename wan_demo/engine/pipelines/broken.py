"""What is wrong with a file of weights, as the end of a sentence."""

from __future__ import annotations

from wan_demo.errors import ModelUnavailable


class BrokenFile(ValueError):
    """A file is not what it should be; ``str(error)`` completes "... can't be used: "."""


def refuse(what: str, reason: Exception | str) -> ModelUnavailable:
    """The error that a person reads: one sentence, whatever a library had to say."""
    return ModelUnavailable(f"{what} can't be used: {_one_line(str(reason))}.")


def plain(name: str) -> str:
    """A stranger's name, short and plain enough for a sentence."""
    return "".join(c if c.isalnum() or c in "._-" else "?" for c in name[:60])


def _one_line(text: str) -> str:
    """The first line of an error, which may go on for hundreds of keys."""
    first = (text.strip().splitlines() or ["for a reason that the log has"])[0]
    return first[:200].rstrip(". ")
