"""How the app logs."""

from __future__ import annotations

import logging
from asyncio import CancelledError

from wan_demo.logs import JsonFormatter, TextFormatter, add_job
from wan_demo.settings import Settings

STRANGERS = ("Invalid HTTP request", "Unsupported upgrade", "No supported WebSocket")
"""How uvicorn tells of what is no request: it answers that, and anybody can send it without end."""


def configure_logging(settings: Settings) -> None:
    """One record a line on standard error, as text or as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    handler.addFilter(add_job)
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for noisy in ("httpx", "alembic", "uvicorn", "PIL"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for is_told in (_is_no_farewell, _is_of_the_server):
        logging.getLogger("uvicorn.error").addFilter(is_told)


def _is_no_farewell(record: logging.LogRecord) -> bool:
    """False for what a stop cuts short: a page's open event stream is not an error."""
    cut_short = record.exc_info is not None and record.exc_info[0] is CancelledError
    return not cut_short and "timeout graceful shutdown" not in record.getMessage()


def _is_of_the_server(record: logging.LogRecord) -> bool:
    """False for what somebody else did, who could fill the log with it."""
    return not record.getMessage().startswith(STRANGERS)
