"""A public address for a while, through Gradio's own tunnel (``--share``)."""

from __future__ import annotations

import logging
import secrets

from gradio.networking import setup_tunnel

log = logging.getLogger(__name__)


def share(host: str, port: int) -> str | None:
    """The public address of the local server; None, and a line in the log, where there is none."""
    try:
        return setup_tunnel(host, port, secrets.token_urlsafe(32), None, None)
    except Exception as error:  # the tunnel's client is fetched and run: anything can be missing
        log.warning("no public address could be had, the local one works: %s", error)
        return None
