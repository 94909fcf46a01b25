"""How the app logs."""

from __future__ import annotations

import logging
from asyncio import CancelledError

from wan_demo.logs import JsonFormatter, TextFormatter, add_job
from wan_demo.settings import Settings


def configure_logging(settings: Settings) -> None:
    """One record a line on standard error, as text or as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    handler.addFilter(add_job)
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for noisy in ("httpx", "alembic", "uvicorn", "PIL"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_is_no_farewell)


def _is_no_farewell(record: logging.LogRecord) -> bool:
    """False for what a stop cuts short: a page's open event stream is not an error."""
    cut_short = record.exc_info is not None and record.exc_info[0] is CancelledError
    return not cut_short and "timeout graceful shutdown" not in record.getMessage()
