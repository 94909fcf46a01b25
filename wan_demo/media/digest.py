"""A clip's frames as one number, to tell whether two runs gave the same.

Of the frames as generated, before any encoder has seen them: it proves the run, whatever the codec
of another day makes of it. That a file shows these very frames is proved by encoding them once
more and decoding both files (``wan_demo.verify``), which needs nothing stored.
"""

from __future__ import annotations

import hashlib

from wan_demo.domain.events import Frames


def digest(frames: Frames) -> str:
    """SHA-256, in hex, of the shape and the bytes of RGB frames (frames, height, width, 3)."""
    found = hashlib.sha256("x".join(map(str, frames.shape)).encode())
    for frame in frames:
        found.update(frame.tobytes())
    return found.hexdigest()
