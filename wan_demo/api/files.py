"""``/files/{token}``: finished videos and previews, by signed address only; ranges work."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from wan_demo.media.links import Links


def files_router(links: Links) -> APIRouter:
    """The route; an unknown, forged or expired token is a 404."""
    router = APIRouter()

    @router.api_route("/files/{token}", methods=["GET", "HEAD"], include_in_schema=False)
    def file(token: str, download: bool = False) -> FileResponse:
        path = links.resolve(token)
        if path is None:
            raise HTTPException(404, "There is no such file, or its address has expired.")
        return FileResponse(
            path,
            media_type="video/mp4" if path.suffix == ".mp4" else "image/webp",
            filename=f"wan-{path.stem[:8]}{path.suffix}" if download else None,
            headers={"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"},
        )

    return router
