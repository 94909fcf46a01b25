"""A stand-in for the service that the package ``spaces`` asks for GPUs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LENT = {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": "allowed"}
REFUSED = {"left": 3, "wait": 7200}


class DeviceApi:
    """What was asked, and whether the next one who asks has minutes left."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.refuses = False

    def of(self, path: str) -> list[dict[str, str]]:
        return [query for asked, query in self.calls if asked == path]

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        self.calls.append((path, query))
        if path != "/schedule":
            return 200, {}
        return (429, REFUSED) if self.refuses else (200, LENT)


@contextmanager
def device_api() -> Iterator[DeviceApi]:
    """The service on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = urlsplit(self.path)
            status, told = api.answer(asked.path, dict(parse_qsl(asked.query)))
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api = DeviceApi(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield api
        server.shutdown()
