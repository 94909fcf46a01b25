"""Which job a person brought to each page's stage a moment ago."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

MOST = 1000
"""Pages that are remembered; of more, the first are forgotten."""
LATE_SECONDS = 10.0
"""How long a look at the former job may be under way. A page that still asks for it after that
was never told of the new one, and is told of what it asks for."""


class Brought:
    """A look at the former job is late: it would take the new one off the stage until the next.

    Gradio's page sends an event while another is unanswered, and the answers come as they come.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = Lock()

    def bring(self, page: str | None, job_id: str) -> None:
        """A job has come to the stage of a page, which its session's name tells apart."""
        if not page:
            return
        with self._lock:
            self._last[page] = (job_id, self._clock())
            self._last.move_to_end(page)
            while len(self._last) > MOST:
                self._last.popitem(last=False)

    def is_late(self, page: str | None, job_id: str) -> bool:
        """Whether another job than this one has come to the page meanwhile."""
        with self._lock:
            brought, when = self._last.get(page or "", (job_id, 0.0))
        return brought != job_id and self._clock() - when < LATE_SECONDS
