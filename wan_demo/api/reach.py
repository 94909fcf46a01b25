"""What can be asked for at all: all of ours, and of Gradio's what pages and programs make use of.

The rest of Gradio's is for apps of another kind: it scales a picture to whatever size is named,
converts recordings in the server, fetches addresses for whoever asks, keeps streams awake, writes
what it was asked to the log. Nobody needs it here, and what a later Gradio adds stays shut until
somebody has looked at it.
"""

from __future__ import annotations

import re

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

NOTHING = "There is nothing at this address."

OURS = (
    "/health/(live|ready)",
    "/metrics",
    "/(files|glimpses)/.+",
    "/owner",
    r"/gradio\.js",
)

PAGE = (
    "/",
    "/config/?",
    r"/theme\.css",
    "/(assets|static)/.+",
    r"/favicon\.ico",
    r"/robots\.txt",
    r"/manifest\.json",
    "/pwa_icon/(192|512)",  # the two that the manifest names
    "/login/?",
    "/logout",
)
"""Gradio's at the app's root."""

CALLS = (
    "info/?",
    r"openapi\.json",
    "app_id/?",  # a page that lost its server asks it whether it is the same one
    "startup-events",  # Gradio's launch asks its own server for it
    "queue/(join|data)",
    "(run|call)/.+",
    "(cancel|reset)/?",
    "heartbeat/.+",
    "upload(_progress)?",
    r"file=(?!\s*\w\w+:).+",  # a file that is here: a scheme has two letters, a Windows drive one
)
"""Gradio's under ``/gradio_api/``: those of the page, gradio_client and plain HTTP."""

_OPEN = re.compile("|".join((*OURS, *PAGE, f"/gradio_api/(?:{'|'.join(CALLS)})")), re.DOTALL)


class ReachMiddleware:
    """404 for what nobody needs, before it does anything."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_open(scope["path"]):
            await JSONResponse({"detail": NOTHING}, 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def is_open(path: str) -> bool:
    """Whether there may be an answer at a path, the proxy's own taken off."""
    return _OPEN.fullmatch(path) is not None
