"""What no log of a server or a worker may hold: an exception that nobody caught."""

from __future__ import annotations

UNCAUGHT = (
    "Traceback",
    "Exception in ASGI application",
    "Task exception was never retrieved",
    "exception was never retrieved",
    "Exception ignored in",
    "was never awaited",
    "Fatal Python error",
    "Task was destroyed but it is pending",
)
"""Of Python, asyncio and uvicorn."""


def assert_calm(log: str) -> None:
    """Fail where a log, a worker's with its server's, tells of one."""
    found = [word for word in UNCAUGHT if word in log]
    assert not found, f"the log holds {found}:\n{log[-5000:]}"
