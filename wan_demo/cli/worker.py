"""``worker``: work on the queue of a data folder, beside its server or on another machine."""

from __future__ import annotations

import argparse
import signal
import socket
from secrets import token_hex
from threading import Event as Flag

from wan_demo.cli.options import add_setting, add_settings, settings_of
from wan_demo.cli.parser import HIDDEN, Commands

SETTINGS = (
    *("data_dir", "downloads", "device", "engine", "log_level", "log_format"),
    *("hang_seconds", "fake_step_seconds", "safety_check"),
)
"""Those that a worker reads, but for ``model``."""
MAX_HOST = 48
"""How much of the host's name a worker's name holds: the table has room for 64 characters."""


def add(commands: Commands) -> None:
    """The command and its flags."""
    text = "Work on the queue of a data folder, beside its server."
    parser = commands.add_parser("worker", help=text, description=text)
    parser.add_argument("--name", help="How it signs its claims; no two workers may share one.")
    parser.add_argument("--supervised", action="store_true", help=HIDDEN)
    add_setting(parser, "model", "The path of a model that is not in the catalogue.")
    add_settings(parser, SETTINGS)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Work until the process is told to stop."""
    from wan_demo import bootstrap

    settings = settings_of(options)
    bootstrap.configure_logging(settings)
    stopping = Flag()
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, lambda *_: stopping.set())
    if options.supervised:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the group; the server decides
        bootstrap.end_with_parent(stopping)
    name = options.name or f"{socket.gethostname()[:MAX_HOST]}-{token_hex(4)}"
    bootstrap.run_worker(settings, name, stopping, options.supervised)
    return 0
