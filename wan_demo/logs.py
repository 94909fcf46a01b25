"""Log lines that can't be forged, and that tell which job and attempt they are about.

The standard library's logging does the rest: a filter and two formatters are all that it lacks.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

CONTINUED = "    | "
"""What the lines of a traceback begin with, in the text format. No record begins so."""

_about: ContextVar[tuple[str, int] | None] = ContextVar("about", default=None)


@contextmanager
def about(job_id: str, attempt: int) -> Iterator[None]:
    """Every record that is made meanwhile, in this thread's context, tells the job and attempt."""
    before = _about.set((job_id, attempt))
    try:
        yield
    finally:
        _about.reset(before)


def add_job(record: logging.LogRecord) -> bool:
    """A handler's filter: puts ``job`` and ``attempt`` into records, None where there are none."""
    record.job, record.attempt = _about.get() or (None, None)
    return True


class TextFormatter(logging.Formatter):
    """One line a record. A traceback follows in lines that no record begins like."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        line = escaped(super().formatMessage(record))
        job = getattr(record, "job", None)
        return f"{line} [job {job} attempt {getattr(record, 'attempt', None)}]" if job else line

    def format(self, record: logging.LogRecord) -> str:
        first, *more = super().format(record).split("\n")
        return "\n".join([first, *(f"{CONTINUED}{escaped(line)}" for line in more)])


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and job, attempt, error if any."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "job": getattr(record, "job", None),
            "attempt": getattr(record, "attempt", None),
            "error": self.formatException(record.exc_info) if record.exc_info else None,
        }
        # ASCII only, so that no control character of any kind is left as it is
        return json.dumps({name: value for name, value in told.items() if value is not None})


def escaped(text: str) -> str:
    """``text`` with all that is not printable written as escapes: what people type may hold it."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
