"""``/files/{token}``: videos, their sources and previews, by signed address only; ranges work."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, Response

from wan_demo.errors import StorageAway
from wan_demo.media.links import Links

_HEADERS = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}

_VIDEOS = (".mp4", ".m4v")


def files_router(links: Links) -> APIRouter:
    """The route; an unknown, forged or expired token is a 404."""
    router = APIRouter()

    @router.api_route("/files/{token}", methods=["GET", "HEAD"], include_in_schema=False)
    def file(token: str, download: bool = False) -> Response:
        try:
            path = links.resolve(token)
            if path is None:
                raise FileNotFoundError
            return _video(path, download) if path.suffix in _VIDEOS else _preview(path)
        except FileNotFoundError:
            raise HTTPException(404, "There is no such file, or its address has expired.") from None
        except StorageAway as away:  # nobody can say whether it was deleted
            raise HTTPException(away.status, str(away)) from None

    return router


def _video(path: Path, download: bool) -> Response:
    name = f"wan-{path.stem[:8]}.mp4" if download else None
    return FileResponse(path, media_type="video/mp4", filename=name, headers=_HEADERS)


def _preview(path: Path) -> Response:
    """Read at once: the worker replaces and removes previews while they are sent."""
    return Response(path.read_bytes(), media_type="image/webp", headers=_HEADERS)
