"""Errors as answers, in one place: a sentence and a status, never a trace, a path or what came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wan_demo.api.noted import Noted
from wan_demo.errors import WanDemoError

FAULT = "Something went wrong here; the server's log has the cause."

REFUSED = "refused"
"""In a request's state, a status: what it asked for can't be done, and its answer says why."""

Refusal = tuple[int, str]
Refusals = Mapping[type[Exception], Callable[[Exception], Refusal | None]]
"""What a library's routes raise over what a client sent, as a status and a sentence; None for an
exception that is a fault here."""


def translate_errors(app: FastAPI, refusals: Refusals) -> None:
    """Have an application answer so; what is mounted on it needs its ``exception_handlers`` too.

    FastAPI's own, for what can't be read, says what came again, which fails where no answer can
    hold it.
    """
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(WanDemoError, _refused)
    app.add_exception_handler(Exception, _fault)
    for kind, told in refusals.items():
        app.add_exception_handler(kind, _telling(told))


class AnswersMiddleware:
    """What is sent is the client's own fault where it is.

    A refused event has a status of its own, for which Gradio knows 500 alone. A stream that has
    told its client why it can't go on ends there, while Gradio raises what it would have answered
    before.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state, answer = scope.setdefault("state", {}), Noted(send)

        async def send_as_it_is(message: Message) -> None:
            if message.get("status") == 500 and state.get(REFUSED):
                message = {**message, "status": state[REFUSED]}
            await answer(message)

        try:
            await self._app(scope, receive, send_as_it_is)
        except RuntimeError as error:
            if not (answer.has_begun and isinstance(error.__cause__, HTTPException)):
                raise
            await answer.end()


def _telling(told: Callable[[Exception], Refusal | None]) -> Any:
    async def tell(_request: Any, error: Exception) -> JSONResponse:
        refusal = told(error)
        if refusal is None:
            raise error
        status, sentence = refusal
        return JSONResponse({"detail": sentence}, status)

    return tell


async def _unreadable(_request: Any, error: Any) -> JSONResponse:
    finding = error.errors()[0]
    where = " ".join(map(str, finding["loc"]))
    return JSONResponse({"detail": f"{where}: can't be used ({finding['type']})."}, 422)


async def _refused(_request: Any, error: Any) -> JSONResponse:
    return JSONResponse({"detail": str(error), "code": error.code}, error.status)


async def _fault(_request: Any, _error: Any) -> JSONResponse:
    return JSONResponse({"detail": FAULT}, 500)
