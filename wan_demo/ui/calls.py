"""What Gradio's own queue needs so that a thousand calls can wait in it for their videos.

It is made for functions that compute. Ours only wait, so each needs a place among the calls that
"run", of which it has 40, and nothing that costs more with each call. Read in gradio 6.31,
``queueing.py`` and ``Blocks.launch``, which sets the number of places in the same way.
"""

from __future__ import annotations

import asyncio
from typing import Any

import gradio as gr
from gradio.utils import LRUCache

from wan_demo.errors import InvalidRequest
from wan_demo.ui.sessions import MOST_NAME

MOST_QUEUED = 200
"""Calls that may wait for a place. The next one is told that the queue is full, with status 503;
each costs the others time, so that many more would stop them all."""

SPARE_PLACES = 50
"""For calls that are being refused, or that have just begun or ended."""


class _Sessions(LRUCache[str, Any]):
    """The messages that wait for each caller, for so many callers; the oldest are forgotten.

    Gradio's own raises KeyError for a message to one who is forgotten, which ends the queue for
    everybody, and keeps every caller's ids of calls for ever.
    """

    def __init__(self, most: int, ids: dict[str, set[str]]) -> None:
        super().__init__(most)
        self._ids = ids

    def __setitem__(self, session: str, messages: asyncio.Queue[Any]) -> None:
        if len(session) > MOST_NAME:
            raise InvalidRequest(
                "session_hash", session, f"must have at most {MOST_NAME} characters"
            )
        super().__setitem__(session, messages)

    def __missing__(self, _session: str) -> asyncio.Queue[Any]:
        return asyncio.Queue()

    def popitem(self, last: bool = True) -> tuple[str, Any]:
        session, messages = super().popitem(last)
        self._ids.pop(session, None)
        return session, messages


def open_queue(page: gr.Blocks, waiting_jobs: int) -> None:
    """Gradio's queue with a place for every call whose job waits or runs.

    ``waiting_jobs`` is how many may wait: a call beyond them is refused by the service, in words.
    ``Blocks.queue`` would do the first two lines, and build the whole application once more.
    """
    page.api_open = False
    page._queue.max_size = MOST_QUEUED
    queue, callers = page._queue, 2 * (waiting_jobs + MOST_QUEUED)
    queue.max_thread_count = waiting_jobs + SPARE_PLACES
    queue.pending_messages_per_session = _Sessions(callers, queue.pending_event_ids_session)
    queue.ANALYTICS_MAX_EVENTS = 0  # else each call's end makes a table of ten thousand others
