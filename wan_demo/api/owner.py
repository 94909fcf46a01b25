"""Who is asking: a signed cookie, given to every browser at its first visit."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wan_demo.media.links import Links, new_owner

COOKIE = "wan_demo_owner"
COOKIE_SECONDS = 365 * 24 * 3600


class OwnerMiddleware:
    """Puts ``owner`` and ``is_newcomer`` into the request's state; a newcomer gets the cookie.

    A browser that keeps no cookies is a newcomer each time: its page must remember the owner.
    """

    def __init__(self, app: ASGIApp, links: Links) -> None:
        self._app = app
        self._links = links

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        owner = self._known(Headers(scope=scope))
        is_new = owner is None
        owner = owner or new_owner()
        scope.setdefault("state", {}).update(owner=owner, is_newcomer=is_new)
        secure = scope["scheme"] == "https"

        async def send_with_cookie(message: Message) -> None:
            if is_new and message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):  # never on assets
                    headers.append("set-cookie", self._cookie(owner, secure))
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _known(self, headers: Headers) -> str | None:
        """As browsers mean it: the standard library's parser trips over other apps' cookies."""
        value = cookie_parser(headers.get("cookie", "")).get(COOKIE)
        return self._links.read_owner(value) if value else None

    def _cookie(self, owner: str, secure: bool) -> str:
        """Over https the cookie also works in another site's frame, where a Space lives."""
        place = "; SameSite=None; Secure; Partitioned" if secure else "; SameSite=Lax"
        value = self._links.sign_owner(owner)
        return f"{COOKIE}={value}; Max-Age={COOKIE_SECONDS}; Path=/; HttpOnly{place}"
