"""Whether a fork keeps a server's connections open, which the server itself has closed."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection

IDLE_SECONDS = 20.0
"""uvicorn closes a connection that is idle for 5 s."""


def learns_of_its_end(address: str, fork: Callable[[], object]) -> bool:
    """Whether a connection that was open during ``fork`` is told that the server has closed it.

    A browser takes one that was not for a good one, and waits on it for ever.
    """
    connection = HTTPConnection(address.rpartition("//")[2], timeout=60)
    connection.request("GET", "/health/live")
    connection.getresponse().read()
    fork()
    held = connection.sock
    if held is None:  # it has been told already
        return True
    held.settimeout(IDLE_SECONDS)
    try:
        return held.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False
