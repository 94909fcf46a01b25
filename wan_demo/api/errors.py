"""Errors as answers, in one place: a sentence and a status, never a trace, a path or what came."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from wan_demo.errors import WanDemoError

FAULT = "Something went wrong here; the server's log has the cause."


def translate_errors(app: FastAPI) -> None:
    """Have an application answer so, and whatever is mounted on it: Gradio's own says what came
    again, which fails where no answer can hold it."""
    for each in (app, *(getattr(route, "app", None) for route in app.routes)):
        if isinstance(each, FastAPI):
            each.add_exception_handler(RequestValidationError, _unreadable)
            each.add_exception_handler(WanDemoError, _refused)
            each.add_exception_handler(Exception, _fault)


async def _unreadable(_request: Any, error: Any) -> JSONResponse:
    finding = error.errors()[0]
    where = " ".join(map(str, finding["loc"]))
    return JSONResponse({"detail": f"{where}: can't be used ({finding['type']})."}, 422)


async def _refused(_request: Any, error: Any) -> JSONResponse:
    return JSONResponse({"detail": str(error), "code": error.code}, error.status)


async def _fault(_request: Any, _error: Any) -> JSONResponse:
    return JSONResponse({"detail": FAULT}, 500)
