"""Strangers' videos: what they hold and what they show when; only the child imports this.

Times are in seconds from the first frame that is shown. A video is never held whole: its packets
are counted undecoded, and what is decoded goes from the key frame before the first moment that is
wanted to the last one.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.video.reformatter import Interpolation
from PIL import Image

from wan_demo.domain.model import Size
from wan_demo.media.fit import flat_share
from wan_demo.media.opened import MAX_VIDEO_SIDE, Refused, check_seconds, opened
from wan_demo.media.take import HAIR

MAX_FRAMES = 40_000
"""As many as the longest video has at 60 a second, and some more."""

MAX_STRETCH = 4
"""Pixels more oblong than this are a broken header, and taken as square."""

GLANCED = 5 * 10**8
"""Pixels that are decoded for a look at a video, about: 60 frames of 4K, a few seconds' work."""

SKIPPED = 2.0
"""Seconds from which on it is quicker to look for a key frame than to decode what comes before."""

TRUE_COLORS = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""How FFmpeg turns a frame into RGB. Its quick way rounds all levels down, so that a clip that is
gone on with, again and again, would darken from part to part."""

_NINE = "=9i"

Shown = tuple[float, Callable[[], Image.Image]]
"""When a frame is shown, and its picture on demand."""


@dataclass(frozen=True)
class Timeline:
    """When frames are shown, in order; ``origin`` is the first one's time by the file's clock.

    That is None where the file does not tell when which frame is shown: then they are in order.
    ``keys`` are the times of those that are stored whole.
    """

    times: Sequence[float]
    origin: float | None
    keys: Sequence[float] = ()

    @property
    def seconds(self) -> float:
        """Of the whole video; the last frame is shown as long as the frames are on average."""
        if len(self.times) < 2:
            return 1 / 25
        return self.times[-1] * len(self.times) / (len(self.times) - 1)

    def decoded(self, start: float, end: float) -> int:
        """How many frames are decoded to see all from one moment to another."""
        first = max((key for key in self.keys if key <= start), default=0.0)
        return sum(first <= time <= end for time in self.times)


def timeline(path: Path) -> Timeline:
    """When a video's frames are shown, by its packets, undecoded; raises Refused.

    AVI counts packets only: what readers make of that is another order where frames look ahead.
    """
    shown: list[float | None] = []
    stored: list[float | None] = []
    keys: list[float] = []
    with opened(path) as (container, stream):
        tells = container.format.name != "avi"
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:  # the last one is empty
                shown.append(_seconds(packet.pts, packet) if tells else None)
                stored.append(_seconds(packet.dts, packet))
                keys += [time for time in shown[-1:] if time is not None and packet.is_keyframe]
                _check_count(len(shown))
    times, has_origin = _whole(shown), True
    if times is None:
        times, has_origin = _whole(stored) or [index / 25 for index in range(len(shown))], False
    begin, end = (times[0], times[-1]) if times else (0.0, 0.0)
    check_seconds(end - begin)
    if not has_origin:
        return Timeline([time - begin for time in times], None)
    return Timeline([t - begin for t in times], begin, [t - begin for t in sorted(keys)])


def probe_video(path: Path) -> dict[str, Any]:
    """Size, frames, time and detail of a video."""
    line = timeline(path)
    first = next((show() for _, show in _frames(path)), None)
    if first is None or not line.times:
        raise Refused("must hold at least one frame")
    return {
        "width": first.width,
        "height": first.height,
        "frames": len(line.times),
        "fps": len(line.times) / line.seconds,
        "seconds": line.seconds,
        "detail": 1 - flat_share(first),
    }


def shown_at(
    path: Path, moments: Sequence[float], line: Timeline
) -> Iterator[tuple[list[int], Image.Image]]:
    """(the indices of moments, what is shown then), in the video's own order, one pass."""
    waiting = deque(sorted(range(len(moments)), key=moments.__getitem__))
    before: Callable[[], Image.Image] | None = None
    for time, show in _frames_from(path, moments[waiting[0]], line):
        past: list[int] = []
        while waiting and before and moments[waiting[0]] < time:
            past.append(waiting.popleft())
        if past and before:
            yield past, before()
        if not waiting:
            return
        before = show
    if before is None:
        raise Refused("must hold at least one frame")
    yield list(waiting), before()


def strip_of(
    path: Path, times: Sequence[float], height: int | None
) -> Iterator[tuple[list[int], Image.Image]]:
    """(the indices of times, what is shown then), as high as wanted; None: as large as it is.

    Where too much would have to be decoded for that, a picture may be of a little earlier. All
    have the first one's size, whatever becomes of the video's.
    """
    size: Size | None = None
    line = timeline(path)
    moments = [max(time, 0.0) + HAIR for time in times]
    with opened(path) as (_, stream):
        most = GLANCED // max(stream.width * stream.height, 1)
    is_little = line.decoded(min(moments), max(moments)) <= most
    found = shown_at(path, moments, line) if is_little else _glanced_at(path, moments, line, most)
    for places, picture in found:
        size = size or _strip_size(picture.size, height)
        if picture.size != size:
            picture = picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
        yield places, picture


def _glanced_at(
    path: Path, moments: Sequence[float], line: Timeline, most: int
) -> Iterator[tuple[list[int], Image.Image]]:
    """The same as ``shown_at``, by at most so many frames: each moment has its share of them.

    From the key frame before it on; that one alone where the file does not tell times. Where an
    index leads nowhere, the picture before stays.
    """
    share = max(1, most // len(moments)) if line.origin is not None else 1
    seen: Callable[[], Image.Image] | None = None
    for place, moment in enumerate(moments):
        from_key = _frames(path, line.origin or 0.0, moment)
        for index, (time, show) in enumerate(islice(from_key, share)):
            if index and time > moment:
                break
            seen = show
        seen = seen or next((show for _, show in _frames(path)), None)
        if seen is None:
            raise Refused("must hold at least one frame")
        yield [place], seen()


def _strip_size(seen: Size, height: int | None) -> Size:
    if height is None:
        return seen
    return min(max(1, round(seen[0] * height / seen[1])), MAX_VIDEO_SIDE), height


def _seconds(ticks: int | None, packet: av.Packet) -> float | None:
    return None if ticks is None else float(ticks * packet.time_base)


def _whole(times: Sequence[float | None]) -> list[float] | None:
    """All times in order; None where one is missing."""
    found = [time for time in times if time is not None]
    return sorted(found) if len(found) == len(times) else None


def _frames_from(path: Path, moment: float, line: Timeline) -> Iterator[Shown]:
    """Frames from one at or before a moment on."""
    if line.origin is None:
        for index, (_, show) in enumerate(_frames(path)):
            yield line.times[min(index, len(line.times) - 1)], show
        return
    if moment > SKIPPED:
        frames = _frames(path, line.origin, moment)
        first = next(frames, None)
        if first is not None and first[0] <= moment:
            yield first
            yield from frames
            return
        frames.close()  # the file's index led too far: from the beginning, then
    yield from _frames(path, line.origin)


def _frames(
    path: Path, origin: float = 0.0, moment: float | None = None
) -> Generator[Shown, None, None]:
    """The first video track's frames, decoded; from the key frame before a moment, if any."""
    with opened(path) as (container, stream):
        pixel = _pixel_ratio(stream)
        if moment is not None and stream.time_base:
            container.seek(int((origin + moment) / stream.time_base), stream=stream)
        for index, frame in enumerate(container.decode(stream)):
            _check_count(index)
            time = frame.time if frame.time is not None else index / 25
            yield time - origin, partial(_as_seen, frame, pixel)


def _check_count(frames: int) -> None:
    if frames > MAX_FRAMES:
        raise Refused(f"must have at most {MAX_FRAMES:,} frames")


def _as_seen(frame: av.VideoFrame, pixel: Fraction) -> Image.Image:
    """The frame with square pixels, turned and mirrored as its display matrix says."""
    image = frame.to_image(interpolation=TRUE_COLORS)
    if pixel != 1:  # the longer side grows, so that nothing is lost
        wide, high = max(pixel, 1), max(1 / pixel, 1)
        image = image.resize((round(image.width * wide), round(image.height * high)))
    return _turned(image, *_display(frame))


def _display(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """a, b, c, d of its display matrix: what is stored at x, y is seen at ax + cy, bx + dy."""
    told: Any = frame.side_data.get("DISPLAYMATRIX")
    if told is None or told.buffer_size != struct.calcsize(_NINE):
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = struct.unpack(_NINE, bytes(told))
    return a, b, c, d


def _turned(image: Image.Image, a: int, b: int, c: int, d: int) -> Image.Image:
    """By the nearest of quarter turns, mirrored or not."""
    if abs(a) < abs(b):
        image, a, d = image.transpose(Image.Transpose.TRANSPOSE), c, b
    if a < 0:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return image.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if d < 0 else image


def _pixel_ratio(stream: av.VideoStream) -> Fraction:
    """Width to height of one pixel; 1 where the file does not say, or nothing sensible."""
    ratio = stream.sample_aspect_ratio
    if not ratio or max(ratio, 1 / ratio) > MAX_STRETCH:
        return Fraction(1)
    return ratio
