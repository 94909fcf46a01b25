"""``/health/live`` and ``/health/ready``, for whatever starts and watches the app."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from wan_demo.api.lately import Lately

Checks = Mapping[str, Callable[[], bool]]


METHODS = ["GET", "HEAD"]
"""Whoever only wants to know whether it is up asks for no text."""

log = logging.getLogger(__name__)


def _holds(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:
        log.exception("the check of %s failed", name)
        return False


def health_router(checks: Checks) -> APIRouter:
    """Live: the process answers. Ready: every check holds, else 503 naming those that do not.

    One takes the table's write lock, so the checks are done once for all who ask within a second.
    """
    router = APIRouter(prefix="/health")
    missing = Lately(lambda: [name for name, check in checks.items() if not _holds(name, check)])

    @router.api_route("/live", methods=METHODS)
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.api_route("/ready", methods=METHODS)
    async def ready() -> JSONResponse:
        if lacking := await missing.see():
            return JSONResponse({"status": "not ready", "missing": lacking}, 503)
        return JSONResponse({"status": "ready"})

    return router
