"""How much a request may hold: what is sent with it is kept in memory, for as long as a page is."""

from __future__ import annotations

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 2**20
"""The whole form with its longest prompts, or all clips of a full Library, are a third of it."""

UPLOAD = "/gradio_api/upload"
"""Files go to the disk, and Gradio counts their bytes by itself (``max_file_size``)."""

SENTENCE = f"A request may hold at most {MAX_BYTES // 2**20} MB; send files as uploads."


class BodyLimitMiddleware:
    """413 for a body of more than MAX_BYTES, by what it says of itself and by what comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith(UPLOAD):
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "0")
        if said.isdecimal() and (len(said) > 18 or int(said) > MAX_BYTES):
            await JSONResponse({"detail": SENTENCE}, 413)(scope, receive, send)
            return
        had = 0

        async def counted() -> Message:
            nonlocal had
            message = await receive()
            had += len(message.get("body", b""))
            if had > MAX_BYTES:
                raise HTTPException(413, SENTENCE)
            return message

        await self._app(scope, counted, send)
