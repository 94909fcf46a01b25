"""What the app is called, by whoever asks: names only, as they go into its own addresses."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SENTENCE = "The host's name can't be used."

_NAME = re.compile(
    r"(?P<name>[\w.-]{1,253}|\[(?P<ip>[\da-fA-F:.]+)\])(:(?P<port>\d{1,5}))?", re.ASCII
)

_UNSAID = (b"x-gradio-server",)
"""What Gradio's own proxy tells, which is not used here: a client would name any address by it."""


class HostMiddleware:
    """400 for a host that can't be one; what a proxy says of the name or the scheme and can't be
    so is left out. Gradio makes an address of it, and fails."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif all(is_host(value) for name, value in scope["headers"] if name == b"host"):
            headers = [each for each in scope["headers"] if _is_usable(*each)]
            await self._app({**scope, "headers": headers}, receive, send)
        else:
            await JSONResponse({"detail": SENTENCE}, 400)(scope, receive, send)


def is_host(value: bytes) -> bool:
    """Whether it is a name or an address, perhaps with a port."""
    found = _NAME.fullmatch(value.decode("latin1"))
    if found is None or int(found["port"] or 0) > 65535:
        return False
    try:
        return found["ip"] is None or bool(IPv6Address(found["ip"]))
    except ValueError:
        return False


def _is_usable(name: bytes, value: bytes) -> bool:
    first = value.split(b",")[0].strip()
    if name == b"x-forwarded-host":
        return is_host(first)
    if name == b"x-forwarded-proto":
        return first in (b"http", b"https")
    return name not in _UNSAID
