"""Who is asking: a signed cookie, given to every browser at its first visit or for a key."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wan_demo.media.links import Links, new_owner

COOKIE = "wan_demo_owner"
COOKIE_SECONDS = 365 * 24 * 3600

CONFIG = "/config"
"""What gradio_client asks for first; it brings the cookies of that answer from then on."""


class OwnerMiddleware:
    """Puts ``owner`` and ``is_newcomer`` into the request's state.

    A newcomer gets the cookie, and whoever opens the page gets it for another year. A browser that
    keeps no cookies is a newcomer each time: its page must remember the owner.
    """

    def __init__(self, app: ASGIApp, links: Links, root_path: str = "") -> None:
        self._app = app
        self._links = links
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        owner = self._known(Headers(scope=scope))
        is_new = owner is None
        owner = owner or new_owner()
        scope.setdefault("state", {}).update(owner=owner, is_newcomer=is_new)
        is_config = scope["path"].rstrip("/").endswith(CONFIG)

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*map(_for_frames, message["headers"])]}
                headers = MutableHeaders(scope=message)
                is_page = headers.get("content-type", "").startswith("text/html")
                if is_page or (is_config and is_new):  # never on assets
                    key = self._links.sign_owner(owner)
                    headers.append("set-cookie", _cookie(key, scope["scheme"], self._root_path))
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _known(self, headers: Headers) -> str | None:
        """As browsers mean it: the standard library's parser trips over other apps' cookies."""
        value = cookie_parser(headers.get("cookie", "")).get(COOKIE)
        return self._links.read_owner(value) if value else None


class Entered(BaseModel):
    """A key that a person brings from another browser."""

    key: str = Field(max_length=200)


def owner_router(links: Links, root_path: str = "") -> APIRouter:
    """``POST /owner``: this browser becomes the key's; 403 for another site's page, 422 for no key.

    Another site could else have its visitors make their clips for it.
    """
    router = APIRouter()

    @router.post("/owner", status_code=204)
    def enter(entered: Entered, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise HTTPException(403, "A key is entered on the page itself.")
        if links.read_owner(entered.key) is None:
            raise HTTPException(422, "This is no key of this server.")
        cookie = _cookie(entered.key, request.url.scheme, root_path)
        return Response(status_code=204, headers={"set-cookie": cookie})

    return router


def _for_frames(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """Gradio's cookie of a login, so that another site's frame may keep it too."""
    name, value = header
    is_for_frames = b"samesite=none" in value.lower() and b"partitioned" not in value.lower()
    if name.lower() != b"set-cookie" or not is_for_frames:
        return header
    return name, value + b"; Partitioned"


def _cookie(key: str, scheme: str, root_path: str) -> str:
    """Over https the cookie also works in another site's frame, where a Space lives.

    Two apps under two paths of one host have a cookie each.
    """
    is_safe = scheme == "https"
    place = "; SameSite=None; Secure; Partitioned" if is_safe else "; SameSite=Lax"
    return f"{COOKIE}={key}; Max-Age={COOKIE_SECONDS}; Path={root_path or '/'}; HttpOnly{place}"
