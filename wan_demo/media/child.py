"""The process that opens files from strangers: ``python -m wan_demo.media.child``.

It reads one JSON command from standard input, does it under limits of memory, time and file
size, and writes one JSON answer to standard output. Decoders see hostile bytes only here.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import av
import numpy as np
from av.container import InputContainer
from PIL import Image, ImageOps

from wan_demo.domain.events import Frames
from wan_demo.media.encode import METADATA_KEY
from wan_demo.media.fit import cover, flat_share, nearest_in_time, stack

MAX_MEMORY = 3 * 2**30
MAX_CPU_SECONDS = 60
MAX_CPU_SECONDS_OF_A_COMMENT = 15
"""Nothing is decoded for it; a file of 20 million empty boxes would take a minute."""

MAX_PIXELS = 64_000_000
MAX_VIDEO_SIDE = 4096
MAX_SECONDS = 600
MAX_FRAMES = 20_000
MAX_OUTPUT = 2**30
"""Bytes of the one file that is written: the largest model's clip is 330 MB."""

MAX_COMMENT = 100_000
"""Characters: the longest two prompts, escaped, and all else are a third of it."""

MAX_STRETCH = 4
"""Pixels more oblong than this are a broken header, and taken as square."""

THREADS = 4
"""Each of a decoder's threads takes memory, and one per core can be more than MAX_MEMORY."""

IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
CODECS = frozenset(
    {"h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "libvpx", "mpeg4", "mjpeg", "prores"}
    | {"mpeg2video", "mpeg1video", "ffv1", "rawvideo", "theora", "gif"}
)


class Refused(Exception):
    """The file cannot be used; the text says what is allowed, after "<field>: "."""


def main() -> None:
    """Do the one command given on standard input."""
    command = json.load(sys.stdin)
    is_short = command["do"] == "comment"
    _limit(MAX_CPU_SECONDS_OF_A_COMMENT if is_short else MAX_CPU_SECONDS)
    try:
        answer = _run(command)
    except Refused as refusal:
        answer = {"refused": str(refusal)}
    except MemoryError:
        answer = {"refused": "must need less memory to be opened"}
    json.dump(answer, sys.stdout)


def _run(command: dict[str, Any]) -> dict[str, Any]:
    path = Path(command["path"])
    if command["do"] == "comment":
        return {"comment": read_comment(path)}
    if command["kind"] == "clip":
        return read_clip(path)
    if command["do"] == "probe":
        return probe_image(path) if command["kind"] == "image" else probe_video(path)
    size = (command["width"], command["height"])
    if command["kind"] == "image":
        frames = stack([cover(open_image(path), size)])
    else:
        frames = read_video(path, size, command["frames"], command["fps"])
    np.save(command["to"], frames)
    return {}


def open_image(path: Path) -> Image.Image:
    """A still picture, upright and RGB; transparent parts become white."""
    Image.MAX_IMAGE_PIXELS = None  # checked below, with a sentence of our own
    try:
        image = Image.open(path, formats=IMAGE_FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise Refused(f"must have at most {MAX_PIXELS // 10**6} million pixels")
        image.load()
        upright = ImageOps.exif_transpose(image)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        _not_readable("image", "a PNG, JPEG, WebP, GIF, BMP or TIFF", error)
    return _flatten(upright)


def _flatten(image: Image.Image) -> Image.Image:
    """RGB on white, whatever the mode; 16-bit gray is scaled, not clipped."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        image = Image.fromarray((np.clip(values / top, 0, 1) * 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        ground.alpha_composite(image)
        image = ground
    return image.convert("RGB")


def probe_image(path: Path) -> dict[str, Any]:
    """Size and detail of a picture."""
    image = open_image(path)
    return {"width": image.width, "height": image.height, "detail": 1 - flat_share(image)}


def probe_video(path: Path) -> dict[str, Any]:
    """Size, frames, time and detail of a video; the frames are counted by decoding them."""
    times: list[float] = []
    first: Image.Image | None = None
    for time, show in _frames(path):
        times.append(time)
        first = first or show()
    if first is None:
        raise Refused("must hold at least one frame")
    seconds = _duration(times)
    width, height = first.size
    return {
        "width": width,
        "height": height,
        "frames": len(times),
        "fps": len(times) / seconds,
        "seconds": seconds,
        "detail": 1 - flat_share(first),
    }


def read_video(path: Path, size: tuple[int, int], count: int, fps: float) -> Frames:
    """``count`` frames at ``fps`` from the start, each cropped to ``size``; two passes."""
    times = [time for time, _ in _frames(path)]
    wanted = nearest_in_time(times, count, fps)
    last, kept = max(wanted), {}
    for index, (_, show) in enumerate(_frames(path)):
        if index in wanted:
            kept[index] = cover(show(), size)
        if index == last:
            break
    return stack([kept[index] for index in wanted])


def read_clip(path: Path) -> dict[str, Any]:
    """An MP4's comment, and a hash of its pictures as stored and of when each is shown."""
    comment, found = read_comment(path), hashlib.sha256()
    try:
        with av.open(path, format="mp4") as container:
            for index, frame in enumerate(container.decode(_video_stream(container))):
                if index >= MAX_FRAMES:
                    raise Refused(f"must have at most {MAX_FRAMES:,} frames")
                found.update(f"{frame.time} {frame.format.name} {frame.width}".encode())
                found.update(frame.to_ndarray().tobytes())
    except (av.FFmpegError, ValueError) as error:
        _not_readable("video", "an MP4", error)
    return {"comment": comment, "pictures": found.hexdigest()}


def read_comment(path: Path) -> str:
    """An MP4's comment; empty where it has none."""
    if _container_format(path) != "mp4":
        raise Refused("must be an MP4")
    try:
        with av.open(path, format="mp4") as container:
            comment = container.metadata.get(METADATA_KEY, "")
    except (av.FFmpegError, ValueError) as error:
        _not_readable("video", "an MP4", error)
    if len(comment) > MAX_COMMENT:
        raise Refused(f"must hold at most {MAX_COMMENT:,} characters of metadata")
    return comment


def _duration(times: list[float]) -> float:
    """The last frame is shown as long as the frames are on average."""
    if len(times) < 2:
        return 1 / 25
    return times[-1] * len(times) / (len(times) - 1)


def _frames(path: Path) -> Iterator[tuple[float, Callable[[], Image.Image]]]:
    """(seconds from the first frame, its picture on demand) for the first video track."""
    try:
        with av.open(path, format=_container_format(path)) as container:
            stream = _video_stream(container)
            pixel = _pixel_ratio(stream)
            start: float | None = None
            for index, frame in enumerate(container.decode(stream)):
                time = frame.time if frame.time is not None else index / 25
                start = time if start is None else start
                if index >= MAX_FRAMES or time - start > MAX_SECONDS:
                    raise Refused(f"must last at most {MAX_SECONDS // 60} minutes")
                yield time - start, partial(_as_seen, frame, pixel)
    except av.FFmpegError as error:
        _not_readable("video", "an MP4, WebM, MOV, MKV or AVI", error)


def _as_seen(frame: av.VideoFrame, pixel: Fraction) -> Image.Image:
    """The frame with square pixels, turned as its display matrix says."""
    image = frame.to_image()
    if pixel != 1:  # the longer side grows, so that nothing is lost
        wide, high = max(pixel, 1), max(1 / pixel, 1)
        image = image.resize((round(image.width * wide), round(image.height * high)))
    turns = round(frame.rotation / 90) % 4
    return image.rotate(90 * turns, expand=True)


def _pixel_ratio(stream: av.VideoStream) -> Fraction:
    """Width to height of one pixel; 1 where the file does not say, or nothing sensible."""
    ratio = stream.sample_aspect_ratio
    if not ratio or max(ratio, 1 / ratio) > MAX_STRETCH:
        return Fraction(1)
    return ratio


def _container_format(path: Path) -> str:
    """The container by its first bytes: names lie, and playlists must never be followed."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
        return "mp4"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:1] == b"G":
        return "mpegts"
    raise Refused("must be an MP4, WebM, MOV, MKV or AVI video")


def _video_stream(container: InputContainer) -> av.VideoStream:
    if not container.streams.video:
        raise Refused("must have a picture; this file has sound only")
    stream = container.streams.video[0]
    if stream.codec_context.name not in CODECS:
        raise Refused(f"must not use the codec {stream.codec_context.name}")
    if max(stream.width, stream.height) > MAX_VIDEO_SIDE:
        raise Refused(f"must be at most {MAX_VIDEO_SIDE} pixels a side")
    seconds = (container.duration or 0) / av.time_base
    if seconds > MAX_SECONDS:
        raise Refused(f"must last at most {MAX_SECONDS // 60} minutes")
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = THREADS
    return stream


def _not_readable(kind: str, allowed: str, error: Exception) -> NoReturn:
    raise Refused(f"must be {allowed} {kind} that opens; this one is broken or not one") from error


def _limit(cpu_seconds: int) -> None:
    """Cap memory, CPU time and file size where the system can (not on Windows)."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_OUTPUT, MAX_OUTPUT))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


if __name__ == "__main__":
    main()
