"""``/metrics``, for Prometheus: for this machine's own, unless the settings say otherwise."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from wan_demo.api.forwarded import key_in
from wan_demo.api.lately import Lately
from wan_demo.domain.rates import HERE


def metrics_router(render: Callable[[], bytes], for_all: bool) -> APIRouter:
    """The route; for others than this machine there is none, unless it is ``for_all``."""
    router, figures = APIRouter(), Lately(render)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        if not for_all and key_in(request.scope) != HERE:
            raise HTTPException(404)
        return Response(await figures.see(), media_type=CONTENT_TYPE_LATEST)

    return router
