"""``/files/{token}``: videos, their sources and previews, by signed address only; ranges work."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, Response
from starlette.types import Message, Receive, Scope, Send

from wan_demo.media.links import Links

_GONE = "There is no such file, or its address has expired."
_HEADERS = {"Cache-Control": "private, max-age=3600"}

_VIDEOS = (".mp4", ".m4v")


class _Video(FileResponse):
    """A clip that may be removed at any moment: whoever was promised it gets all of it.

    FileResponse promises a body before it opens the file. Here nothing is said before the first
    bytes are read; where there are none any more it is the 404 of every file that is gone.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []
        is_begun = False

        async def send_late(message: Message) -> None:
            nonlocal is_begun
            held.append(message)
            if message["type"] != "http.response.start":
                is_begun = True
                while held:
                    await send(held.pop(0))

        try:
            await super().__call__(scope, receive, send_late)
        except (RuntimeError, FileNotFoundError):  # it has both for a file that is gone
            if is_begun:
                raise
            raise HTTPException(404, _GONE) from None


def files_router(links: Links) -> APIRouter:
    """The route; an unknown, forged or expired token is a 404, and StorageAway where nobody can say
    whether a clip was deleted."""
    router = APIRouter()

    @router.api_route("/files/{token}", methods=["GET", "HEAD"])
    def file(token: str, download: bool = False) -> Response:
        try:
            path = links.resolve(token)
            if path is None:
                raise FileNotFoundError
            return _video(path, download) if path.suffix in _VIDEOS else _preview(path)
        except FileNotFoundError:
            raise HTTPException(404, _GONE) from None

    return router


def _video(path: Path, download: bool) -> Response:
    name = f"wan-{path.stem[:8]}.mp4" if download else None
    return _Video(path, media_type="video/mp4", filename=name, headers=_HEADERS)


def _preview(path: Path) -> Response:
    """Read at once: the worker replaces and removes previews while they are sent."""
    return Response(path.read_bytes(), media_type="image/webp", headers=_HEADERS)
