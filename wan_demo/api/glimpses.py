"""``/glimpses/{token}/...``: pictures of a video that somebody is about to use, made when asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from wan_demo.domain.request import MAX_SECONDS
from wan_demo.errors import UnreadableMedium
from wan_demo.media.glimpse import Glimpses

_GONE = "There is no such video, or it can't be looked at."
_HEADERS = {"Cache-Control": "private, max-age=3600"}

AT_ONCE = 1
"""Fewer than files are opened at the same time, so that what is uploaded never waits for these."""

Seconds = Annotated[float, Query(ge=0, le=MAX_SECONDS)]


def glimpses_router(glimpses: Glimpses) -> APIRouter:
    """The routes; who waits for a picture takes no thread from the page."""
    router, turns = APIRouter(), CapacityLimiter(AT_ONCE)

    async def answer(look: Callable[[], bytes | None]) -> Response:
        try:
            picture = await run_sync(look, limiter=turns)
        except UnreadableMedium:
            picture = None
        if picture is None:
            raise HTTPException(404, _GONE)
        return Response(picture, media_type="image/webp", headers=_HEADERS)

    @router.get("/glimpses/{token}/strip")
    async def strip(token: str) -> Response:
        return await answer(partial(glimpses.strip, token))

    @router.get("/glimpses/{token}/frame")
    async def frame(token: str, at: Seconds = 0.0) -> Response:
        return await answer(partial(glimpses.frame, token, at))

    return router
