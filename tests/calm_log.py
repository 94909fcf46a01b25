"""What no log of a server or a worker may hold: an exception that nobody caught."""

from __future__ import annotations

import re

UNCAUGHT = re.compile(
    r"^Traceback|Exception in ASGI application|exception was never retrieved|Exception ignored in"
    r"|was never awaited|Fatal Python error|Task was destroyed but it is pending",
    re.MULTILINE,
)
"""Of Python, asyncio and uvicorn. What our own log tells of an exception is set in, so that none of
its lines begins like these."""


def uncaught(log: str) -> list[str]:
    """What a log, a worker's with its server's, has of exceptions that nobody caught."""
    return sorted(set(UNCAUGHT.findall(log)))


def assert_calm(log: str) -> None:
    """Fail where a log tells of one, or of one that was caught: nothing went wrong here."""
    found = [*uncaught(log), *(["Traceback"] if "Traceback" in log else [])]
    assert not found, f"the log holds {found}:\n{log[-5000:]}"
