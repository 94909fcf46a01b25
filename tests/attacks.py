"""What a stranger's client may send, and the answer: for ``test_attacks`` and SECURITY.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Attack:
    """One request: what it tries, and the statuses and the words that answer it."""

    tries: str
    answer: str
    statuses: tuple[int, ...]
    path: str
    method: str = "POST"
    body: Callable[[], bytes] = bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    says: str = ""


def _json(value: Any) -> Callable[[], bytes]:
    return lambda: json.dumps(value).encode()


def _get(tries: str, answer: str, statuses: tuple[int, ...], path: str) -> Attack:
    return Attack(tries, answer, statuses, path, "GET", headers={})


_EVENT = "/gradio_api/run/predict"
_REFUSED = "403 or 404"

ATTACKS = (
    Attack(
        *("JSON of 60 MB", "413", (413,), _EVENT),
        body=lambda: b'{"data": ["' + b"x" * 60_000_000 + b'"]}',
        says="at most 1 MB",
    ),
    Attack(
        *("JSON that is 100,000 lists deep", "400", (400,), _EVENT),
        body=lambda: b"[" * 100_000 + b"]" * 100_000,
    ),
    Attack("half of a JSON document", "422", (422,), _EVENT, body=lambda: b'{"data":'),
    Attack("NaN where a list is due", "422", (422,), _EVENT, body=lambda: b'{"data": NaN}'),
    Attack("half a character", "422", (422,), _EVENT, body=lambda: b'{"data": "\\ud800"}'),
    Attack("bytes that are no UTF-8", "400", (400,), _EVENT, body=lambda: b'{"data": "\xff"}'),
    Attack(
        *("an endpoint of Gradio's beside its queue", _REFUSED, (403, 404)),
        "/gradio_api/run/text_to_video",
        body=_json({"data": ["x"]}),
    ),
    Attack(
        *("an origin that is no address", "403", (403,), _EVENT),
        body=_json({"data": []}),
        headers={**JSON, "Origin": "http://["},
    ),
    Attack(
        *("a page of another site that sends", "403", (403,), _EVENT),
        body=_json({"data": []}),
        headers={**JSON, "Origin": "https://evil.example"},
        says="pages of other sites",
    ),
    Attack(
        *("an upload from a page of another site", "403", (403,), "/gradio_api/upload"),
        body=lambda: b"x",
        headers={"Origin": "null", "content-type": "multipart/form-data; boundary=b"},
    ),
    Attack(
        *("a key that nobody was given", "422", (422,), "/owner"),
        body=_json({"key": "forged.key"}),
        says="no key of this server",
    ),
    _get("a file of the system", _REFUSED, (403, 404), "/gradio_api/file=/etc/passwd"),
    _get("the same by file://", _REFUSED, (403, 404), "/gradio_api/file=file:///etc/passwd"),
    _get("an encoded ../", _REFUSED, (403, 404), "/gradio_api/file=..%2f..%2fetc%2fpasswd"),
    _get("../ in a static path", _REFUSED, (403, 404), "/static/..%2f..%2f..%2fapp.py"),
    _get("a forged address of a video", "404", (404,), "/files/forged.token"),
    _get("../ as a video", "404", (404,), "/files/..%2f..%2fjobs.sqlite3"),
    _get("NUL in a video's name", "404", (404,), "/files/%00"),
    _get(
        *("the server as a proxy to its own network", "404", (404,)),
        "/gradio_api/proxy=http://169.254.169.254/latest/meta-data",
    ),
    _get(
        *("the same, with a line break in the address", "404", (404,)),
        "/gradio_api/proxy=http://a%0ab/",
    ),
    _get(
        *("a file of another server, fetched by this one", "404", (404,)),
        "/gradio_api/file=https://example.com/film.mp4",
    ),
    _get("the icon, as wide as memory lasts", "404", (404,), "/pwa_icon/30000"),
    _get("an icon of no size", "404", (404,), "/pwa_icon/-1"),
    _get(
        *("a line in the server's log", "404", (404,)),
        "/gradio_api/custom_component/html/client/js/forged",
    ),
    _get("a stream that wakes the server all the time", "404", (404,), "/gradio_api/dev/reload"),
    Attack(
        *("a recording, for ffmpeg in the server itself", "404", (404,)),
        "/gradio_api/process_recording",
        body=lambda: b"--b\r\n",
        headers={"content-type": "multipart/form-data; boundary=b"},
    ),
    Attack(
        *("other code for the app", "404", (404,), "/gradio_api/vibe-code"),
        body=_json({"code": "print()"}),
    ),
    _get("a name longer than any file's", "404", (404,), f"/assets/{'a' * 5000}"),
    _get("a line break in a path", "404", (404,), "/static/a%0ab.js"),
    Attack(
        *("an endpoint that there is not", "404", (404,), "/gradio_api/run/forged"),
        body=_json({"data": []}),
    ),
    Attack(
        *("the same by the second form of calls", "404", (404,), "/gradio_api/call/v2/forged"),
        body=_json({"prompt": "x"}),
    ),
    Attack(
        *("a parameter that there is not", "422", (422,), "/gradio_api/call/v2/text_to_video"),
        body=_json({"prompt": "x", "task": "a"}),
        says="is not a parameter of this endpoint",
    ),
    Attack(
        *("none of those that are needed", "422", (422,), "/gradio_api/call/v2/text_to_video"),
        body=_json({}),
        says="prompt: is needed; got nothing.",
    ),
    Attack(
        "an event that there is not",
        "404",
        (404,),
        _EVENT,
        body=_json({"fn_index": 10**6, "data": []}),
    ),
    _get(
        *("the messages of a session that there is not", "a stream that says so and ends", (200,)),
        "/gradio_api/queue/data?session_hash=forged",
    ),
    Attack(
        *("a host that is none", "400", (400,), "/", "GET"),
        headers={"Host": "[;]"},
    ),
    Attack(
        *("a proxy's word for a host that is none", "200, as if unsaid", (200,), "/config", "GET"),
        headers={"X-Forwarded-Host": "[;]:3tu0", "X-Forwarded-Proto": "gopher"},
    ),
    _get("figures of what people do", "404", (404,), "/monitoring/summary"),
    _get("what people ran", "404", (404,), "/gradio_api/runs"),
    _get("a description of the routes", "404", (404,), "/openapi.json"),
)
