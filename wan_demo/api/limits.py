"""How much a request may hold: what is sent with it is kept in memory, for as long as a page is.
How slowly it may come, as whoever never ends one holds a place of those that there are.

And what its address may be, which ends as a file's name more often than not.
"""

from __future__ import annotations

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wan_demo.api.noted import Noted
from wan_demo.api.pace import TOO_SLOW, Pace
from wan_demo.api.reach import NOTHING

MAX_BYTES = 2**20
"""The whole form with its longest prompts, or all clips of a full Library, are a third of it."""

UPLOAD_PATH = "/gradio_api/upload"
"""Files go to the disk, by rules of their own (``api.uploads``)."""

SENTENCE = f"A request may hold at most {MAX_BYTES // 2**20} MB; send files as uploads."

SECONDS, PER_SECOND = 30.0, 10_000
"""For the whole of it, and one more for each so many bytes: most often it has some kilobytes."""

SLOW = "The request came too slowly."


class BodyLimitMiddleware:
    """413 for a body of more than MAX_BYTES, by what it says of itself and by what comes; 408 for
    one that does not come. Where the answer has begun, as that of a stream, it ends.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == UPLOAD_PATH:
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "0")
        if said.isdecimal() and (len(said) > 18 or int(said) > MAX_BYTES):
            await JSONResponse({"detail": SENTENCE}, 413)(scope, receive, send)
            return
        answer, checked = Noted(send), _checked(receive)
        is_cut = False

        async def receive_or_end() -> Message:
            nonlocal is_cut
            try:
                return await checked()
            except HTTPException:
                if not answer.has_begun:
                    raise
                is_cut = True
                return {"type": "http.disconnect"}

        await self._app(scope, receive_or_end, answer)
        if is_cut:
            await answer.end()


def _checked(receive: Receive) -> Receive:
    """What comes of a body, with an end to its length and its time."""
    body = Pace(receive, SECONDS, PER_SECOND)

    async def checked() -> Message:
        try:
            message = await body.receive()
        except TimeoutError:
            raise HTTPException(TOO_SLOW, SLOW, {"Connection": "close"}) from None
        if body.had > MAX_BYTES:
            raise HTTPException(413, SENTENCE)
        return message

    return checked


MOST_NAME = 255
"""Bytes of a part of an address: no file system has a longer name."""

MOST_PATH = 4000


class PathLimitMiddleware:
    """404 for an address that no file can have, which whoever looks for one would fail over."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _can_be(scope["path"]):
            await JSONResponse({"detail": NOTHING}, 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _can_be(path: str) -> bool:
    told = path.encode(errors="surrogatepass")
    is_short = len(told) <= MOST_PATH and all(len(part) <= MOST_NAME for part in told.split(b"/"))
    return is_short and not any(byte < 32 or byte == 127 for byte in told)
