"""What a browser is told about every answer: what it may load, who may frame it, what it says."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wan_demo.api.origins import Sites

PAGE_POLICY = (
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self' data: blob:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
)
"""Nothing is fetched from elsewhere, and nothing sent there. Gradio's page has scripts in its text
and makes functions and modules of what its events bring along, so these can't be forbidden."""

UPLOAD_POLICY = ("default-src 'none'", "img-src 'self'", "media-src 'self'", "sandbox")
"""What somebody uploaded is no page, whatever it holds and however it is opened."""

UPLOADED = "/gradio_api/file"
"""What the addresses of uploads begin with."""


class HeadersMiddleware:
    """Adds the headers; one that an answer already has stays."""

    def __init__(self, app: ASGIApp, sites: Sites) -> None:
        self._app = app
        self._policies = {
            part: "; ".join((*policy, sites.frame_ancestors))
            for part, policy in (("page", PAGE_POLICY), ("upload", UPLOAD_POLICY))
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        part = "upload" if scope["path"].startswith(UPLOADED) else "page"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", self._policies[part])
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
            await send(message)

        await self._app(scope, receive, send_with_headers)
