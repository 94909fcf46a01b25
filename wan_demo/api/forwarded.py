"""Where a request comes from, by the word of the proxy that brought it, and no farther.

Each proxy puts the address of whoever asked it behind those that it was told. So only the last ones
are the proxies' own; what stands before them is what the client wrote.
"""

from __future__ import annotations

from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from wan_demo.domain.rates import HERE, NOBODY, key_of

ANYONE = "*"
HEADER = b"x-forwarded-for"


class ForwardedMiddleware:
    """Puts the client and the scheme into the scope as the named proxies tell them.

    With ``*``, where a proxy's own address changes, as on a Space, exactly one is believed: the
    last address of the header is its word. uvicorn would take the first one, which is the client's.
    Nobody becomes this machine's own by a header. Where it ``is_shared`` nobody is at all: Gradio's
    tunnel connects from here, and what it says of where its visitors are is not in our hands.
    """

    def __init__(self, app: ASGIApp, proxies: str = "127.0.0.1", is_shared: bool = False) -> None:
        self._is_anyone = proxies.strip() == ANYONE
        checked = _Checked(app, is_shared)
        self._believing = ProxyHeadersMiddleware(checked, proxies.strip())  # pyright: ignore[reportArgumentType]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            headers = _last_alone(scope["headers"]) if self._is_anyone else scope["headers"]
            scope = {**scope, "headers": headers, "peer": scope.get("client")}
        await self._believing(scope, receive, send)  # pyright: ignore[reportArgumentType]


class _Checked:
    """The application behind, where what a proxy said can be an address of elsewhere."""

    def __init__(self, app: ASGIApp, is_shared: bool) -> None:
        self._app = app
        self._is_shared = is_shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.pop("peer", None)
        told = scope.get("client")
        if told and told != peer and not _is_possible(told[0], peer):
            scope["client"] = (NOBODY, 0)
        if self._is_shared and key_in(scope) == HERE:
            scope["client"] = (NOBODY, 0)
        await self._app(scope, receive, send)


def key_in(scope: Scope) -> str:
    """Whoever a request comes from, as ``rates.key_of`` has it."""
    client = scope.get("client")
    return key_of(client[0] if client else None)


def _is_possible(told: str, peer: tuple[str, int] | None) -> bool:
    try:
        ip_address(told)
    except ValueError:
        return False
    return key_of(told) != HERE or (peer is not None and key_of(peer[0]) == HERE)


def _last_alone(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers with nothing but the last address that the client is said to have."""
    told = [value for name, value in headers if name == HEADER]
    if not told:
        return headers
    last = told[-1].rpartition(b",")[2].strip()
    return [*((name, value) for name, value in headers if name != HEADER), (HEADER, last)]
