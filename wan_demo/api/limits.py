"""How much a request may hold: what is sent with it is kept in memory, for as long as a page is.

And what its address may be, which ends as a file's name more often than not.
"""

from __future__ import annotations

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 2**20
"""The whole form with its longest prompts, or all clips of a full Library, are a third of it."""

UPLOAD = "/gradio_api/upload"
"""Files go to the disk, by rules of their own (``api.uploads``)."""

SENTENCE = f"A request may hold at most {MAX_BYTES // 2**20} MB; send files as uploads."


class BodyLimitMiddleware:
    """413 for a body of more than MAX_BYTES, by what it says of itself and by what comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == UPLOAD:
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


MOST_NAME = 255
"""Bytes of a part of an address: no file system has a longer name."""

MOST_PATH = 4000


class PathLimitMiddleware:
    """404 for an address that no file can have, which whoever looks for one would fail over."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _can_be(scope["path"]):
            await JSONResponse({"detail": "There is nothing at this address."}, 404)(
                scope, receive, send
            )
            return
        await self._app(scope, receive, send)


def _can_be(path: str) -> bool:
    told = path.encode(errors="surrogatepass")
    is_short = len(told) <= MOST_PATH and all(len(part) <= MOST_NAME for part in told.split(b"/"))
    return is_short and not any(byte < 32 or byte == 127 for byte in told)
