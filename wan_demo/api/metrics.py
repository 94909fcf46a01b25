"""``/metrics``, for Prometheus: for this machine's own, unless the settings say otherwise."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST


def metrics_router(render: Callable[[], bytes], for_all: bool) -> APIRouter:
    """The route; for others than this machine there is none, unless it is ``for_all``."""
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    def metrics(request: Request) -> Response:
        if not for_all and not _is_here(request):
            raise HTTPException(404)
        return Response(render(), media_type=CONTENT_TYPE_LATEST)

    return router


def _is_here(request: Request) -> bool:
    """By the address that a proxy names, where it is one that is believed."""
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
