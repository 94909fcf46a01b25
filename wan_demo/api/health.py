"""``/health/live`` and ``/health/ready``, for whatever starts and watches the app."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from fastapi import APIRouter
from fastapi.responses import JSONResponse

Checks = Mapping[str, Callable[[], bool]]


log = logging.getLogger(__name__)


def _holds(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:
        log.exception("the check of %s failed", name)
        return False


def health_router(checks: Checks) -> APIRouter:
    """Live: the process answers. Ready: every check holds, else 503 naming those that do not."""
    router = APIRouter(prefix="/health")

    @router.get("/live")
    def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/ready")
    def ready() -> JSONResponse:
        missing = [name for name, check in checks.items() if not _holds(name, check)]
        if missing:
            return JSONResponse({"status": "not ready", "missing": missing}, 503)
        return JSONResponse({"status": "ready"})

    return router
