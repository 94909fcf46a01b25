"""How many requests there may be: of one address in a second, and of everybody at a time."""

from __future__ import annotations

import math
from collections import Counter

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from wan_demo.domain.rates import HERE, Rates, key_of

PER_SECOND, BURST = 100.0, 1000.0
"""An open page asks up to twice a second, and its Library for some hundred pictures at once."""

LOGINS_PER_SECOND, LOGINS = 1 / 6, 10.0
"""Of one address: whoever guesses passwords has to ask often."""

MOST_OPEN = 1500
"""Requests under way at a time. Each open page holds one; Gradio's own queue fails everybody at
some 2,000, and each costs the system a file of which it has 1,024 or more."""

MOST_OPEN_EACH = 500
"""Of one address, so that it can't take them all."""

FULL = "This server is full. Try again in a minute."
FAST = "Too many requests from your address. Try again in {} s."

ALWAYS = ("/health/", "/metrics")
"""Whoever watches the server is answered when it is full, too."""


class CrowdMiddleware:
    """503 where too many requests are under way, 429 for an address that asks too often."""

    def __init__(self, app: ASGIApp, most: int = MOST_OPEN, each: int = MOST_OPEN_EACH) -> None:
        self._app = app
        self._rates = Rates(PER_SECOND, BURST)
        self._logins = Rates(LOGINS_PER_SECOND, LOGINS)
        self._most, self._each = most, each
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(ALWAYS):
            await self._app(scope, receive, send)
            return
        key = key_of((scope.get("client") or ("",))[0])
        refusal = self._refusal(key, _is_login(scope))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        self._open[key] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

    def _refusal(self, key: str, is_login: bool) -> JSONResponse | None:
        if self._open.total() >= self._most:
            return _later(503, FULL, 60)
        rates = self._logins if is_login else self._rates
        wait = math.ceil(rates.wait(key))
        if wait or (key != HERE and self._open[key] >= self._each):
            return _later(429, FAST.format(wait or 60), wait or 60)
        return None


def _is_login(scope: Scope) -> bool:
    return scope["method"] == "POST" and scope["path"].rstrip("/") == "/login"


def _later(status: int, sentence: str, seconds: int) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status, {"Retry-After": str(seconds)})
