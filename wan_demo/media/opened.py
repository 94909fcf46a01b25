"""A stranger's video, opened: by its first bytes, with codecs from a list, within limits.

Only the child process imports this (``wan_demo.media.child``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import av
from av.container import InputContainer
from av.stream import Disposition

MAX_VIDEO_SIDE = 4096
MAX_SECONDS = 600

THREADS = 4
"""Each of a decoder's threads takes memory, and one per core can be more than the child may."""

CODECS = frozenset(
    {"h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "libvpx", "mpeg4", "mjpeg", "prores"}
    | {"mpeg2video", "mpeg1video", "ffv1", "rawvideo", "theora", "gif", "apng"}
    | {"msmpeg4", "msmpeg4v2", "wmv1", "wmv2", "wmv3", "vc1", "h263", "flv"}
)


FAR = 2**20
"""Bytes within which a PNG says that it moves: before its first picture, behind its profile."""

CONTAINERS = "MP4, MOV, WebM, MKV, AVI, MPEG or WMV"
"""What people call the containers that are opened."""

MOVING_WEBP = "must be no WebP that moves; a GIF or an MP4 of it will do"

_PNG = b"\x89PNG\r\n\x1a\n"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
"""The name by which a Windows Media file's header begins."""


class Refused(Exception):
    """The file cannot be used; the text says what is allowed, after "<field>: ".

    ``came`` is what the file has instead, where that can be told in a few words.
    """

    def __init__(self, allowed: str, came: str = "") -> None:
        super().__init__(allowed)
        self.came = came


def open_container(path: Path, kind: str) -> InputContainer:
    """A file as the container that it is, whatever alphabet its titles are written in.

    PyAV would else refuse a camera's file over a letter.
    """
    return av.open(path, format=kind, metadata_errors="replace")


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, av.VideoStream]]:
    """A file and its first video track, ready to be decoded; raises Refused, later too."""
    try:
        with open_container(path, container_format(path)) as container:
            yield container, video_stream(container)
    except av.FFmpegError as error:
        not_readable("video", f"an {CONTAINERS}", error)


def container_format(path: Path) -> str:
    """The container by its first bytes: names lie, and playlists must never be followed."""
    with path.open("rb") as file:
        head = file.read(16)
        is_animated = head.startswith(_PNG) and b"acTL" in file.read(FAR).partition(b"IDAT")[0]
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
        return "mp4"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if is_animated:
        return "apng"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        raise Refused(MOVING_WEBP)
    if head[:1] == b"G" or head[4:5] == b"G":  # a camcorder puts a clock before each packet
        return "mpegts"
    if head[:4] == b"\x00\x00\x01\xba":
        return "mpeg"
    if head == _ASF:
        return "asf"
    raise Refused(f"must be an {CONTAINERS} video")


def video_stream(container: InputContainer) -> av.VideoStream:
    """The first track that moves: a song's cover picture is none."""
    tracks = [each for each in container.streams.video if not _is_cover(each)]
    if not tracks:
        raise Refused("must have a picture; this file has sound only")
    stream = tracks[0]
    if codec_name(stream) not in CODECS:
        raise Refused(f"must not use the codec {codec_name(stream)}")
    if max(stream.width, stream.height) > MAX_VIDEO_SIDE:
        came = f"{stream.width}x{stream.height}"
        raise Refused(f"must be at most {MAX_VIDEO_SIDE} pixels a side", came)
    check_seconds((container.duration or 0) / av.time_base)
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = THREADS
    return stream


def codec_name(stream: av.VideoStream | av.AudioStream) -> str:
    """What decodes a track; "unknown" where nothing does."""
    context: Any = stream.codec_context
    return "unknown" if context is None else context.name


def check_seconds(seconds: float) -> None:
    """Refuse what lasts too long."""
    if seconds > MAX_SECONDS:
        came = f"{seconds / 60:,.1f} minutes"
        raise Refused(f"must last at most {MAX_SECONDS // 60} minutes", came)


def not_readable(kind: str, allowed: str, error: Exception) -> NoReturn:
    """Refuse what does not open."""
    raise Refused(f"must be {allowed} {kind} that opens; this one is broken or not one") from error


def _is_cover(stream: av.VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)
