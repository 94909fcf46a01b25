"""Pages whose browser keeps no cookie, until they know whose they are."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import gradio as gr

from wan_demo.ui.events import is_newcomer

MOST = 1000
"""Pages that may be opening at a time; of more, the first are forgotten."""


class Newcomers:
    """A page that asks twice who it is, as the first answer is slow, gets one answer.

    The second one would else take the place of the first, and with it what was made meanwhile.
    """

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def first(self, request: gr.Request, owner: str) -> str:
        """The owner that the page was told first; ``owner`` where it has just come."""
        page = request.session_hash
        if not page or not is_newcomer(request):
            return owner
        with self._lock:
            told = self._owners.setdefault(page, owner)
            while len(self._owners) > MOST:
                self._owners.popitem(last=False)
        return told

    def known(self, request: gr.Request) -> None:
        """The page has its key now: nobody is told it again for knowing the page's name."""
        with self._lock:
            self._owners.pop(request.session_hash or "", None)
