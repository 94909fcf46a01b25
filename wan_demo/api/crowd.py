"""How many requests there may be: of one address in a second, and of everybody at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from wan_demo.api.forwarded import key_in
from wan_demo.domain.rates import HERE, Rates, asking

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

CALLS_PER_SECOND, CALLS = 10.0, 100.0
"""Of programs' calls: each has a place in Gradio's queue, of which there are so many for all."""

WATCH = ("/health/", "/metrics")
"""Whoever watches the server is answered when it is full, too."""

WATCH_PER_SECOND, WATCH_BURST = 5.0, 50.0
"""Of one address: so that being answered always is no way in for those who would fill it."""


class CrowdMiddleware:
    """503 where too many requests are under way, 429 for an address that asks too often."""

    def __init__(self, app: ASGIApp, most: int = MOST_OPEN, each: int = MOST_OPEN_EACH) -> None:
        self._app = app
        self._rates = Rates(PER_SECOND, BURST)
        self._logins = Rates(LOGINS_PER_SECOND, LOGINS)
        self._calls = Rates(CALLS_PER_SECOND, CALLS)
        self._watch = Rates(WATCH_PER_SECOND, WATCH_BURST)
        self._most, self._each = most, each
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        key = key_in(scope)
        refusal = self._refusal(key, scope)
        if refusal is not None:
            await refusal(scope, receive, send)
        elif _is_watch(scope):
            await self._app(scope, receive, send)
        else:
            with self._counted(key):
                await self._app(scope, receive, send)

    @contextmanager
    def _counted(self, key: str) -> Iterator[None]:
        """Within it a request is under way, and known to be whose."""
        before = asking.set(key)
        self._open[key] += 1
        try:
            yield
        finally:
            asking.reset(before)
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

    def _rates_for(self, scope: Scope) -> Rates:
        if _is_login(scope):
            return self._logins
        return self._calls if _is_call(scope) else self._rates

    def _refusal(self, key: str, scope: Scope) -> JSONResponse | None:
        if _is_watch(scope):
            wait = math.ceil(self._watch.wait(key))
            return _later(429, FAST.format(wait), wait) if wait else None
        if self._open.total() >= self._most:
            return _later(503, FULL, 60)
        wait = math.ceil(self._rates_for(scope).wait(key))
        if wait or (key != HERE and self._open[key] >= self._each):
            return _later(429, FAST.format(wait or 60), wait or 60)
        return None


def _is_call(scope: Scope) -> bool:
    return scope["method"] == "POST" and scope["path"].startswith(
        ("/gradio_api/call/", "/gradio_api/queue/join")
    )


def _is_watch(scope: Scope) -> bool:
    return scope["path"].startswith(WATCH)


def _is_login(scope: Scope) -> bool:
    return scope["method"] == "POST" and scope["path"].rstrip("/") == "/login"


def _later(status: int, sentence: str, seconds: int) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status, {"Retry-After": str(seconds)})
