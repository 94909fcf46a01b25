"""What Gradio remembers of pages and uploads: no more than it makes use of.

It keeps a copy of every control of each page, with whatever was last sent for it, for deep links,
which there are none of here; and the names of uploads whose progress was once asked for, for good.
A client that sends a megabyte for each of a hundred controls, a thousand times, would have all of
the memory. Read in gradio 6.31, ``state_holder.py`` and ``route_utils.FileUploadProgress``.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from typing import Any

import gradio as gr
from gradio import routes
from gradio.state_holder import SessionState, StateHolder
from gradio.utils import LRUCache

from wan_demo.domain.rates import HERE, asking

MOST_NAME = 64
"""Characters of a page's own name; those of longer ones, which no page has, are not kept."""

MOST_UPLOADS = 1000
"""Whose progress is known at a time."""


class Sessions(StateHolder):
    """The pages used last, without copies of what they show.

    Any name that comes is a page to Gradio. Where there are too many, the address with most of them
    loses the one that it used longest ago: names that somebody makes up displace their own alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self._came: dict[str, str] = {}

    def __getitem__(self, session_id: str) -> SessionState:
        session = super().__getitem__(_short(session_id))
        session.config_values = _NOTHING
        return session

    def update(self, session_id: str) -> None:
        """A page is used: it is the last of all, and another one may have to go."""
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
                self._came.setdefault(session_id, asking.get())
            if len(self.session_data) > self.capacity:
                gone = self._next_to_go()
                for kept in (self.session_data, self.time_last_used, self._came):
                    kept.pop(gone, None)

    def _next_to_go(self) -> str:
        """Of the pages in the order of their use: never the one that has just come."""
        addresses = {page: self._came.get(page, HERE) for page in self.session_data}
        counts = Counter(addresses.values())
        most = max(counts.values())
        return next(page for page, address in addresses.items() if counts[address] == most)

    def __contains__(self, session_id: str) -> bool:
        return super().__contains__(_short(session_id))


class _Nothing(dict[int, Any]):
    """Has something empty for every control, and keeps nothing that is put in."""

    def __contains__(self, _control: object) -> bool:
        return True

    def __missing__(self, _control: int) -> dict[str, Any]:
        return {}

    def __setitem__(self, _control: int, _config: Any) -> None:
        pass


_NOTHING = _Nothing()


class _Signals(LRUCache[str, asyncio.Event]):
    """What those who ask for an upload's progress wait for, until it begins."""

    def __missing__(self, upload: str) -> asyncio.Event:
        self[upload] = signal = asyncio.Event()
        return signal


def forget(app: Any, page: gr.Blocks) -> None:
    """Have Gradio's application of a page remember no more than this."""
    app.state_holder = Sessions()
    app.state_holder.set_blocks(page)
    uploads = routes.file_upload_statuses
    uploads._signals = _Signals(MOST_UPLOADS)  # pyright: ignore[reportAttributeAccessIssue]
    uploads._statuses = LRUCache(MOST_UPLOADS)


def _short(name: str) -> str:
    if len(name) <= MOST_NAME:
        return name
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
