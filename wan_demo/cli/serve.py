"""``serve``: the page and the API."""

from __future__ import annotations

import argparse
import errno
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from wan_demo.cli.options import add_settings, settings_of
from wan_demo.cli.parser import Commands
from wan_demo.errors import WanDemoError
from wan_demo.settings import Settings, is_zero_gpu

PORTS_TO_TRY = 20
SHUTDOWN_SECONDS = 3
"""How long open connections may finish when the server is told to stop."""


def add(commands: Commands) -> None:
    """The command and a flag for every setting."""
    text = "Open the page and the API."
    parser = commands.add_parser("serve", help=text, description=text)
    add_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until the process is told to stop."""
    from sqlalchemy.exc import DatabaseError

    from wan_demo import bootstrap

    settings = settings_of(options)
    bootstrap.configure_logging(settings)
    listener = listen(settings.host, settings.port)
    if is_zero_gpu():
        return _run_zero(settings, listener)
    try:
        with _ends_when_told():
            app = bootstrap.make_server(settings)
    except (OSError, DatabaseError) as error:
        raise WanDemoError(f"The folder {settings.data_dir} can't be used: {error}") from None
    import uvicorn

    from wan_demo.api.connections import Connection, most_connections

    Connection.most = most_connections()
    host, port = _shown_host(settings.host), listener.getsockname()[1]
    print(f"Wan Demo: http://{host}:{port}  ({app.state.greeting})", flush=True)
    if settings.share and (public := app.state.share(host, port)):
        print(f"Public for a week at most: {public}", flush=True)
    config = uvicorn.Config(
        app,
        http=Connection,
        backlog=Connection.most // 8,  # are let in at a time, before any can be turned away
        log_config=None,
        access_log=False,
        proxy_headers=False,  # ours is stricter: ``wan_demo.api.forwarded``
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


@contextmanager
def _ends_when_told() -> Iterator[None]:
    """SIGTERM ends what is only starting; later on it is uvicorn's.

    Process 1 of a container would not hear it, since the system keeps signals from it that it has
    no handler for, and Docker would wait and then kill it.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run_zero(settings: Settings, listener: socket.socket) -> int:
    """Gradio listens by itself there, on the port that was free."""
    from wan_demo.bootstrap import zero

    port = listener.getsockname()[1]
    listener.close()
    settings = settings.model_copy(update={"port": port})
    zero.serve_zero(settings, zero.placed(), partial(print, flush=True))
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A socket on ``port``, or on the next one that nobody listens on; ours from here on.

    ``::`` listens for IPv4 too. Raises WanDemoError where all that are tried are busy, or where the
    address can't be listened on at all.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    for candidate in range(port, min(port + PORTS_TO_TRY, 65536)):
        try:
            return socket.create_server((host, candidate), family=family, dualstack_ipv6=both)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                why = error.strerror or error
                raise WanDemoError(f"Can't listen on {host}, port {candidate}: {why}.") from None
    raise WanDemoError(f"Ports {port} to {port + PORTS_TO_TRY - 1} are all busy; give --port.")


def _shown_host(host: str) -> str:
    """As it stands in an address for a browser."""
    if host in ("0.0.0.0", "::"):
        return "localhost"
    return f"[{host}]" if ":" in host else host
