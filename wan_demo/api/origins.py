"""Which other sites may hold the app: in a frame, or as ``<gradio-app>`` in a page of theirs.

For all others the browser is told to keep out, and what their pages send all the same is refused:
a page of another site could else act for whoever looks at it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SENTENCE = "This server takes nothing from pages of other sites (WAN_DEMO_FRAME_ANCESTORS)."
READING = ("GET", "HEAD", "OPTIONS")

ACTING = ("/logout",)
"""What does something when it is read: a page could have its visitors do so by a picture."""


@dataclass(frozen=True)
class Sites:
    """Sources as Content-Security-Policy has them; ``self`` and ``none`` may go without quotes."""

    sources: Sequence[str] = ("self",)

    @property
    def frame_ancestors(self) -> str:
        """The directive for browsers."""
        quoted = [f"'{each}'" if each in ("self", "none") else each for each in self.sources]
        return f"frame-ancestors {' '.join(quoted)}"

    def allow(self, origin: str) -> bool:
        """Whether a page of this origin may hold the app."""
        return any(re.fullmatch(_pattern(source), origin) for source in self.sources)


ONLY_OWN = Sites()


def _pattern(source: str) -> str:
    """What the origins of a source look like: ``https://*.example.com``, ``https:`` or ``*``."""
    if source in ("self", "none", "'self'", "'none'"):
        return r"(?!)"  # one's own are known without
    if source == "*" or source.endswith(":"):
        return re.escape(source.rstrip("*")) + r"[^\s]*"
    pattern = re.escape(source.rstrip("/")).replace(r"://\*", r"://[^/:]+")
    return pattern.replace(r":\*", r"(:\d+)?")


class OriginMiddleware:
    """403 for what pages of other sites send; those of ``sites`` get it, without any cookie.

    Puts ``away`` into the request's state, the app's whole address: the page that asks is another
    site's document, where a relative one would lead elsewhere. That is so with ``<gradio-app>``
    alone; in a frame the app is a document of its own.
    """

    def __init__(self, app: ASGIApp, sites: Sites, root_path: str = "") -> None:
        self._app = app
        self._sites = sites
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        origin = headers.get("origin")
        if scope.get("path") in ACTING and not _is_own(origin, headers):
            await JSONResponse({"detail": SENTENCE}, 403)(scope, receive, send)
            return
        if origin is None or _is_own(origin, headers):
            await self._app(scope, receive, send)
            return
        is_allowed = self._sites.allow(origin)
        if not is_allowed and scope["method"] not in READING:
            await JSONResponse({"detail": SENTENCE}, 403)(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            said = _preflight(headers) if is_allowed else {}
            await PlainTextResponse("", headers=said)(scope, receive, send)
        elif is_allowed:
            here = f"{scope['scheme']}://{_hosts(headers)[0]}{self._root_path}"
            scope.setdefault("state", {})["away"] = here
            await self._app(_unsaid(scope), receive, _allowing(send, origin))
        else:  # without a word of permission the browser keeps the answer from the page
            await self._app(_unsaid(scope), receive, send)


def _unsaid(scope: Scope) -> Scope:
    """Without the origin, as Gradio would allow any, and without cookies: who asks is that page."""
    headers = [each for each in scope["headers"] if each[0] not in (b"origin", b"cookie")]
    return {**scope, "headers": headers}


def _is_own(origin: str | None, headers: Headers) -> bool:
    """By the browser's word, which holds behind any proxy; else by the host that was asked.

    Programs say neither.
    """
    said = headers.get("sec-fetch-site")
    if said is not None:
        return said in ("same-origin", "none")
    return origin is None or origin.partition("://")[2] in _hosts(headers)


def _hosts(headers: Headers) -> list[str]:
    """What the app is called: by a proxy's word first, as Gradio has it."""
    said = (headers.get("x-forwarded-host", "").split(",")[0].strip(), headers.get("host", ""))
    return [host for host in said if host] or ["localhost"]


def _preflight(headers: Headers) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": headers["origin"],
        "Access-Control-Allow-Methods": "GET, HEAD, POST",
        "Access-Control-Allow-Headers": headers.get("access-control-request-headers", ""),
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def _allowing(send: Send, origin: str) -> Send:
    async def send_allowed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers.add_vary_header("Origin")
        await send(message)

    return send_allowed
