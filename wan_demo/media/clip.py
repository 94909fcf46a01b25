"""An MP4 of this app's own making, perhaps altered by a stranger; only the child imports this."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import av

from wan_demo.media.encode import METADATA_KEY
from wan_demo.media.moving import MAX_FRAMES
from wan_demo.media.opened import (
    Refused,
    container_format,
    not_readable,
    open_container,
    video_stream,
)

MAX_COMMENT = 100_000
"""Characters: the longest two prompts, escaped, and all else are a third of it."""


def read_clip(path: Path) -> dict[str, Any]:
    """An MP4's comment, and a hash of its pictures as stored and of when each is shown."""
    comment, found = read_comment(path), hashlib.sha256()
    try:
        with open_container(path, "mp4") as container:
            for index, frame in enumerate(container.decode(video_stream(container))):
                if index >= MAX_FRAMES:
                    raise Refused(f"must have at most {MAX_FRAMES:,} frames")
                found.update(f"{frame.time} {frame.format.name} {frame.width}".encode())
                found.update(frame.to_ndarray().tobytes())
    except (av.FFmpegError, ValueError) as error:
        not_readable("video", "an MP4", error)
    return {"comment": comment, "pictures": found.hexdigest()}


def read_comment(path: Path) -> str:
    """An MP4's comment; empty where it has none."""
    if container_format(path) != "mp4":
        raise Refused("must be an MP4")
    try:
        with open_container(path, "mp4") as container:
            comment = container.metadata.get(METADATA_KEY, "")
    except (av.FFmpegError, ValueError) as error:
        not_readable("video", "an MP4", error)
    if len(comment) > MAX_COMMENT:
        raise Refused(f"must hold at most {MAX_COMMENT:,} characters of metadata")
    return comment
