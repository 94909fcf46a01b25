"""Requests that no browser of ours sends, to every route that there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st
from starlette.routing import Mount, Route

from tests.fuzz.hostile import ANYTHING, NAMES


@dataclass(frozen=True)
class Sent:
    """One request."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def routes_of(app: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Method and path, with ``{parameters}``, of all that an application answers."""
    for route in app.routes:
        router = getattr(route, "original_router", None)  # of ``include_router``
        if router is not None:
            yield from routes_of(router, before)
        elif isinstance(route, Mount):
            yield from routes_of(route, before + route.path)
        elif isinstance(route, Route):
            yield from ((method, before + route.path) for method in sorted(route.methods or ()))


def _segment(text: str) -> str:
    return quote(text.encode(errors="surrogatepass"), safe="") or "x"


def paths(pattern: str, known: dict[str, list[str]]) -> st.SearchStrategy[str]:
    """Addresses of a route, its parameters being whatever can stand there."""
    parts = re.split(r"\{(\w+)(?::\w+)?\}", pattern)
    drawn = [
        st.just(part)
        if index % 2 == 0
        else st.sampled_from(known.get(part, ["1"])) | NAMES.map(_segment)
        for index, part in enumerate(parts)
    ]
    return st.tuples(*drawn).map("".join)


KEYS = (
    *(
        "data",
        "fn_index",
        "session_hash",
        "event_id",
        "event_data",
        "trigger_id",
        "request",
        "batched",
    ),
    *(
        "simple_format",
        "key",
        "path",
        "url",
        "meta",
        "orig_name",
        "component_id",
        "fn_name",
        "prompt",
    ),
    *("id", "code", "name", "state", "keys", "time_range"),
)
"""What Gradio's bodies and queries hold."""

FILES = st.fixed_dictionaries(
    {"path": NAMES, "meta": st.just({"_type": "gradio.FileData"})}, optional={"url": NAMES}
)
BODIES = st.one_of(
    st.fixed_dictionaries(
        {"data": st.lists(ANYTHING | FILES, max_size=50)},
        optional={key: ANYTHING | st.integers(-2, 80) for key in KEYS if key != "data"},
    ),
    st.dictionaries(st.sampled_from(KEYS) | NAMES, ANYTHING | FILES, max_size=5),
    ANYTHING,
)
RAW = st.one_of(
    BODIES.map(lambda told: json.dumps(told).encode()),
    BODIES.map(lambda told: json.dumps(told).encode()[:-1]),
    st.binary(max_size=200),
)
TYPES = st.sampled_from(
    [
        *("application/json", "application/json", "application/json", "text/plain", "", "*/*"),
        *(
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "application/x-www-form-urlencoded",
        ),
    ]
)
TYPE = "application/json"
PRESSED = "/gradio_api/run/predict"
TOLD = ("field", "value", "task", "index", "job", "clip", "name", "path", "times", "mask", "cut")
"""What the page's own events bring along, and some more."""

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60).map(str.strip)
HEADERS = st.fixed_dictionaries(
    {"content-type": TYPES},
    optional={
        "cookie": PRINTABLE | PRINTABLE.map(lambda value: f"wan_demo_owner={value}"),
        "range": st.sampled_from(
            ["bytes=0-", "bytes=9-1", "bytes=-1", "bytes=a-b", "bytes=0-0,2-9", "x"]
        ),
        "authorization": PRINTABLE,
        "x-forwarded-for": PRINTABLE,
        "x-forwarded-host": PRINTABLE,
        "x-forwarded-proto": PRINTABLE,
        "accept-language": PRINTABLE,
        "x-gradio-user": PRINTABLE,
        "referer": PRINTABLE,
        "last-event-id": PRINTABLE,
    },
)
QUERIES = st.dictionaries(
    st.sampled_from((*KEYS, "view", "job", "__theme", "upload_id", "deep_link")), NAMES, max_size=3
)


def _query(told: dict[str, str]) -> str:
    pairs = "&".join(f"{name}={_segment(value)}" for name, value in told.items())
    return f"?{pairs}" if pairs else ""


@st.composite
def requests(draw: st.DrawFn, routes: list[tuple[str, str]], known: dict[str, list[str]]) -> Sent:
    """One request to one of the routes."""
    method, pattern = draw(st.sampled_from(routes))
    path = draw(paths(pattern, known)) + draw(QUERIES.map(_query))
    body = draw(RAW) if method in ("POST", "PUT", "PATCH", "DELETE") else b""
    return Sent(method, path, body, draw(HEADERS))


@st.composite
def presses(draw: st.DrawFn, events: list[dict[str, Any]], shown: dict[int, Any]) -> Sent:
    """An event of the page with as many values as it has, most of them as the page has them."""
    event = draw(st.sampled_from(events))
    data = [shown.get(part) for part in event["inputs"]]
    for _ in range(draw(st.integers(1, 3)) if data else 0):
        data[draw(st.integers(0, len(data) - 1))] = draw(ANYTHING | FILES)
    told = draw(st.dictionaries(st.sampled_from(TOLD), ANYTHING | NAMES, max_size=3))
    body = {"data": data, "fn_index": event["id"], "session_hash": "page", "event_data": told}
    return Sent(
        "POST", "/gradio_api/run/predict", json.dumps(body).encode(), {"content-type": TYPE}
    )
