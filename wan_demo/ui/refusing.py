"""A page that refuses what no page of ours sends in a sentence, where Gradio logs a traceback."""

from __future__ import annotations

import errno
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from traceback import extract_tb
from typing import Any

import gradio as gr
from gradio import route_utils, routes
from gradio.route_utils import FnIndexInferError, file_fetch
from gradio_client import utils
from httpx import InvalidURL

from wan_demo.domain.rates import asking, key_of
from wan_demo.errors import InvalidRequest, NoRoomForFile, WanDemoError
from wan_demo.media.remote import Remote
from wan_demo.media.room import is_full
from wan_demo.ui.fetching import ALLOWED, Fetch, Fetches, with_files
from wan_demo.ui.translated import unmarked

RELOAD = "This page does not fit the server, which may be another version by now. Reload it."

NO_NAMES = {errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP, errno.ENOTDIR}
"""What the system says of a path that no file can have."""

DEEPEST = 8
"""Floors of a value: what a browser has kept has three."""

UNKNOWN = (404, "There is no such endpoint.")
ADDRESS = (400, "This address can't be used.")
RANGE = (416, "This part of the file can't be had.")
_ROUTES = {Path(str(module.__file__)) for module in (routes, route_utils)}


def _over_a_name(error: Exception) -> tuple[int, str] | None:
    """A look-up that Gradio's routes do by what came, before any event of ours is begun."""
    return UNKNOWN if Path(extract_tb(error.__traceback__)[-1].filename) in _ROUTES else None


def _over_a_range(error: Exception) -> tuple[int, str] | None:
    """Which bytes of an upload are asked for: Gradio reads one range there, of plain digits."""
    return RANGE if extract_tb(error.__traceback__)[-1].name == file_fetch.__name__ else None


def _over_a_parameter(error: Exception) -> tuple[int, str] | None:
    """Of a call by names, which Gradio's client puts in order for its server."""
    if Path(extract_tb(error.__traceback__)[-1].filename) != Path(str(utils.__file__)):
        return None
    missing = re.search(r"required argument: (\w+)$", str(error))
    if missing:
        return 422, str(InvalidRequest(missing[1], None, "is needed"))
    unknown = re.search(r"Parameter `(.*)` is not", str(error), re.DOTALL)
    name = unknown[1] if unknown else ""
    return 422, str(InvalidRequest(name, name, "is not a parameter of this endpoint"))


REFUSALS: Mapping[type[Exception], Callable[[Exception], tuple[int, str] | None]] = {
    FnIndexInferError: lambda _: UNKNOWN,
    KeyError: _over_a_name,
    TypeError: _over_a_parameter,
    ValueError: _over_a_range,
    InvalidURL: lambda _: ADDRESS,
}
"""What Gradio's routes raise over what a client sent, as a status and a sentence."""


class _Refused(gr.Error):
    """A sentence, and no reason for a traceback in the log; with the status of its answer."""

    def __init__(self, sentence: str, status: int = 422) -> None:
        super().__init__(sentence, print_exception=False)
        self.status = status


class RefusingBlocks(gr.Blocks):
    """``gr.Blocks`` whose errors over what a client sent are its client's, and no fault here."""

    remote = Remote()
    """Fetches what a program names by an address."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._fetches = Fetches()

    async def process_api(self, *given: Any, **named: Any) -> dict[str, Any]:
        """One event; every gr.Error is a sentence, and no reason for a traceback in the log."""
        request = getattr(named.get("request"), "request", None)
        # What waited in Gradio's queue is in no request any more.
        before = asking.set(key_of(getattr(getattr(request, "client", None), "host", None)))
        try:
            return await super().process_api(*given, **named)
        except gr.Error as error:
            error.print_exception = False
            _mark(request, getattr(error, "status", 422))
            raise
        except WanDemoError as error:
            _mark(request, error.status)
            raise _Refused(str(error), error.status) from None
        except (OSError, ValueError) as error:
            refused = _refused(error)
            if refused is None:
                raise
            _mark(request, refused.status)
            raise refused from None
        finally:
            asking.reset(before)

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], *given: Any, **named: Any
    ) -> list[Any]:
        """The values of an event; raises gr.Error, naming the field, for a file that is none, and
        for an event that the browser does alone."""
        if block_fn.fn is None:
            raise _Refused(RELOAD)
        try:
            inputs = await with_files(block_fn.inputs, inputs, self._fetch(block_fn))
            return await super().preprocess_data(block_fn, inputs, *given, **named)
        except WanDemoError as error:
            raise _Refused(str(error), error.status) from None
        except (ValueError, OSError) as error:  # pydantic's, Gradio's own, and the system's
            if isinstance(error, OSError) and error.errno not in NO_NAMES:
                raise
            raise _Refused(_refusal(block_fn.inputs, inputs)) from None

    def _fetch(self, block_fn: Any) -> Fetch | None:
        """Only programs name addresses: what the page itself sends lies here already."""
        is_for_programs = block_fn.api_visibility == "public"
        return self._fetches.by(self.remote, asking.get()) if is_for_programs else None


def _refused(error: OSError | ValueError) -> _Refused | None:
    """What to say of the event's own data, or of a disk that is full; None for any other error."""
    if is_full(error):
        full = NoRoomForFile()
        return _Refused(str(full), full.status)
    return _Refused(RELOAD) if _is_over_a_name(error) else None


def _is_over_a_name(error: OSError | ValueError) -> bool:
    """Whether the system, or Python before it asks the system, says that no file is called so."""
    if isinstance(error, OSError):
        return error.errno in NO_NAMES
    return str(error).startswith("embedded")


def _mark(request: Any, status: int) -> None:
    """Have the answer's status say what became of the request, where it is no fault here."""
    if request is not None:
        request.state.refused = status


def _refusal(parts: Sequence[Any], values: Sequence[Any]) -> str:
    files = [
        unmarked(part.label).split(":")[0]
        for part, value in zip(parts, values, strict=False)
        if value is not None and getattr(part, "data_model", None)
    ]
    if len(parts) != len(values) or not files:
        return RELOAD
    return f"{' and '.join(files)}: {ALLOWED}."


def answerable(value: Any, depth: int = 0) -> Any:
    """A value that can be said again: half a character can't, nor a number beyond numbers, nor
    what is nested deeper than anything of ours, of which nothing stays."""
    if isinstance(value, (dict, list)) and depth > DEEPEST:
        return None
    if isinstance(value, dict):
        return {name: answerable(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list):
        return [answerable(each, depth + 1) for each in value]
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    is_beyond = isinstance(value, float) and not math.isfinite(value)
    return str(value) if is_beyond else value
