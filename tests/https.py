"""A server of https for tests: a certificate for one name, and whoever signed it."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme

from wan_demo.media.remote import Remote

NAME = "pictures.example"
HERE = ipaddress.ip_address("127.0.0.1")


@dataclass
class Site:
    """Where it listens on this machine, who vouches for it, and what it was asked."""

    port: int
    trust: ssl.SSLContext
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Host and path of each request."""


@contextmanager
def site(answer: Callable[[BaseHTTPRequestHandler], None], name: str = NAME) -> Iterator[Site]:
    """A site whose GETs are answered by ``answer``, for as long as the context is open."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            here.asked.append((self.headers["Host"], self.path))
            self.close_connection = True
            answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    authority = trustme.CA()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(served)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    server = _Quiet(("127.0.0.1", 0), Handler)
    server.socket = served.wrap_socket(server.socket, server_side=True)
    here = Site(server.server_address[1], trust)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()


def of_this_machine(there: Site, **named: Any) -> Remote:
    """Finds the site here, which no web can reach."""

    async def look_up(host: str) -> list[Any]:
        assert host == NAME
        return [HERE]

    return Remote(look_up, lambda _: True, there.trust, there.port, **named)


def says(body: bytes, status: int = 200, **headers: str | None) -> Callable[..., None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            if value is not None:
                request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is none."""
