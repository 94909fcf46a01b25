"""Looks at the table now and then, as the server's threads take them beside its requests."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event as Flag

log = logging.getLogger(__name__)


def keep_looking(look: Callable[[], object], pause: float, stopping: Flag) -> None:
    """Look every ``pause`` seconds until ``stopping`` is set.

    A look that fails is logged: a table or a disk may be away, and the next look may do it.
    """
    while not stopping.wait(pause):
        try:
            look()
        except Exception:
            log.warning("%s failed", getattr(look, "__qualname__", look), exc_info=True)
