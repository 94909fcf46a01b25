"""Waiting for what passes: a table that is locked or away, a disk that is full or gone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event as Flag
from typing import TypeVar

from wan_demo.errors import StorageAway, StorageFull

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 300.0
"""How long the end of a job waits for the table. What was made is on the disk meanwhile, and the
next attempt takes it over where this was not enough."""

PAUSE_SECONDS = 1.0

PASSING = (StorageAway, StorageFull)
"""What a table answers with that may be over in a while."""

Answer = TypeVar("Answer")


def patiently(
    call: Callable[[], Answer],
    stopping: Flag,
    passes: Callable[[Exception], bool] = lambda error: isinstance(error, PASSING),
    seconds: float = PATIENCE_SECONDS,
) -> Answer:
    """What ``call`` returns, tried again while its error ``passes``.

    Raises that error where it does not, after so many ``seconds``, and once ``stopping`` is set.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return call()
        except Exception as error:
            if not passes(error) or time.monotonic() > end or stopping.wait(PAUSE_SECONDS):
                raise
            log.warning("tried again in a moment: %s", error)
