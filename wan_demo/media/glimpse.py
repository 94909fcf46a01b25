"""Pictures of videos that are about to be used, at addresses that nobody can guess.

A browser plays few of the formats that are edited here, and of some the sound alone. So all still
pictures of a video come from here, by the code that reads its frames for a model: turned, timed and
shaped as they will be used.
"""

from __future__ import annotations

import hmac
import io
import secrets
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from threading import Lock

from PIL import Image

from wan_demo.domain.medium import Medium
from wan_demo.media.decode import read_strip
from wan_demo.media.fit import cover
from wan_demo.media.probed import Stamp, stamp
from wan_demo.media.sheet import middles

COUNT = 10
"""Pictures of a strip."""

CELL = (96, 104)
"""Width and height of each of them: twice what a page shows."""

FRAME_HEIGHT = 480
"""Of a single frame, at most: a page shows 300 pixels of it."""

MOST_VIDEOS = 1000
MOST_PICTURES = 200
"""What is remembered, the latest in use: a picture has 5 to 50 kB."""


class Glimpses:
    """Whoever has a video's address may look at it, for as long as the file is there as it was."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._videos: OrderedDict[str, tuple[Path, Medium]] = OrderedDict()
        self._lock = Lock()
        self._strip = lru_cache(MOST_PICTURES)(_strip)
        self._frame = lru_cache(MOST_PICTURES)(_frame)

    def address(self, video: Path, medium: Medium) -> str:
        """Relative to the app's root, the same each time; ``medium`` is what the video holds.

        Below it lie ``strip`` and ``frame?at=`` some seconds.
        """
        token = hmac.digest(self._key, str(video).encode(errors="replace"), "sha256").hex()
        with self._lock:
            self._videos[token] = (video, medium)
            self._videos.move_to_end(token)
            while len(self._videos) > MOST_VIDEOS:
                self._videos.popitem(last=False)
        return f"glimpses/{token}"

    def strip(self, token: str) -> bytes | None:
        """A WebP of COUNT pictures side by side, a CELL each; None for no address of ours.

        Raises UnreadableMedium.
        """
        found = self._videos.get(token)
        return self._strip(*found, stamp(found[0])) if found else None

    def frame(self, token: str, at: float) -> bytes | None:
        """A WebP of what is shown at so many seconds; None and errors as of ``strip``."""
        found = self._videos.get(token)
        return self._frame(*found, stamp(found[0]), round(at, 3)) if found else None


def _strip(video: Path, medium: Medium, _stamp: Stamp) -> bytes:
    times = middles(0.0, medium.seconds, COUNT)
    whole = Image.new("RGB", (COUNT * CELL[0], CELL[1]))
    for index, frame in enumerate(read_strip(video, times, 2 * CELL[1])):
        whole.paste(cover(Image.fromarray(frame), CELL), (index * CELL[0], 0))
    return _webp(whole)


def _frame(video: Path, medium: Medium, _stamp: Stamp, at: float) -> bytes:
    (frame,) = read_strip(video, [at], min(medium.height, FRAME_HEIGHT))
    return _webp(Image.fromarray(frame))


def _webp(picture: Image.Image) -> bytes:
    into = io.BytesIO()
    picture.save(into, "webp", quality=80, method=2)
    return into.getvalue()
