"""Other sites that hold the app, and a proxy that shows it under a path."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

LOCAL_SITES = {"WAN_DEMO_FRAME_ANCESTORS": "self http://localhost:*"}
"""For a server that ``another_site`` may hold. To a browser localhost is another site than
127.0.0.1, whose storage is blocked in its frames as on the web."""

PROXY = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

_CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port}{secured};
    client_max_body_size 300m;
    location {path}/ {{
      proxy_pass {upstream}/;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test's output is its own."""


@contextmanager
def another_site(folder: Path, page: str) -> Iterator[str]:
    """The address of a site whose one page is this HTML."""
    (folder / "index.html").write_text(page)
    host = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=host.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{host.server_port}/"
    finally:
        host.shutdown()
        host.server_close()


def framing(address: str) -> str:
    """A page that holds an address in a frame."""
    return (
        "<!doctype html><title>Host</title>"
        f"<iframe src='{address}' width='1200' height='800'></iframe>"
    )


@contextmanager
def proxy(folder: Path, upstream: str, path: str, is_secure: bool = False) -> Iterator[str]:
    """The address at which nginx shows ``upstream`` under a path, by https if it is to be secure.

    No browser knows who signed its certificate.
    """
    if PROXY is None:
        message = "no nginx is installed (Debian: apt-get install nginx-light)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    port = _free_port()
    config = folder / "nginx.conf"
    secured = _certified(folder) if is_secure else ""
    config.write_text(
        _CONFIG.format(folder=folder, port=port, path=path, upstream=upstream, secured=secured)
    )
    process = subprocess.Popen([PROXY, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield f"http{'s' if is_secure else ''}://127.0.0.1:{port}{path}"
    finally:
        process.terminate()
        process.wait(30)


def _certified(folder: Path) -> str:
    """What makes nginx listen for https, with a certificate that it finds in the folder."""
    certificate = trustme.CA().issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "site.pem")
    files = f"ssl_certificate {folder}/site.pem; ssl_certificate_key {folder}/site.pem"
    return f" ssl; {files}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("nginx did not start")
