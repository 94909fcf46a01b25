"""Frames to a file that every browser plays: h264, yuv420p, faststart MP4."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import PictureType
from numpy.typing import NDArray
from PIL import Image

from wan_demo.domain.events import Frames
from wan_demo.media.folder import replacing
from wan_demo.media.take import SAMPLE_RATE, Samples

CRF = "16"
"""x264's quality, 0 (lossless) to 51: 16 is where people stop seeing a difference."""

X264 = {"crf": CRF, "preset": "medium", "mbtree": "0"}
"""mbtree off: its assembler reads memory that nobody wrote where a row is not a multiple of eight
macroblocks, so that of a hundred clips of the same 96x96 frames about six came out otherwise."""

SOUND_BITS = 192_000
"""A second, of AAC in stereo: where most people hear no difference."""

METADATA_KEY = "comment"
"""The one free text field that MP4 readers everywhere show."""


TICKS = 1000
"""Parts of a frame's time in which the file counts."""


def write_mp4(
    frames: Frames,
    fps: int,
    path: Path,
    metadata: Mapping[str, Any],
    seconds: float | None = None,
    sound: Samples | None = None,
) -> None:
    """Write ``frames`` (frames, height, width, 3; even sides) to ``path``, whole or not at all.

    Each frame is shown for 1 / ``fps`` seconds; where ``seconds`` is given, the last one until
    then. ``sound`` begins with the first frame, and is as long as it is. One thread and fixed
    settings, so that the same frames give the same decoded video.
    """
    end = len(frames) * TICKS if seconds is None else round(seconds * fps * TICKS)
    with replacing(path) as part, av.open(part, "w", "mp4", {"movflags": "faststart"}) as container:
        container.metadata[METADATA_KEY] = json.dumps(metadata, ensure_ascii=False)
        stream = _video_track(container, frames, fps)
        track = None if sound is None else _sound_track(container)
        packets = [packet for frame in _timed(frames) for packet in stream.encode(frame)]
        packets += stream.encode()
        packets[-1].duration = end - (len(frames) - 1) * TICKS
        if track is not None and sound is not None:
            packets += [*track.encode(_heard(sound)), *track.encode()]
            packets.sort(key=_when)
        container.mux(packets)


def _video_track(container: OutputContainer, frames: Frames, fps: int) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=fps, options=X264)
    stream.height, stream.width = frames.shape[1:3]
    stream.pix_fmt = "yuv420p"
    stream.thread_count = 1
    stream.codec_context.time_base = Fraction(1, fps * TICKS)
    _tag_bt709(stream.codec_context)
    return stream


def _sound_track(container: OutputContainer) -> av.AudioStream:
    return container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo", bit_rate=SOUND_BITS)


def _when(packet: av.Packet) -> Fraction:
    """Tracks are interleaved by this, so that a player need not look ahead."""
    return (packet.dts or 0) * packet.time_base


def _heard(sound: Samples) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate, frame.pts = SAMPLE_RATE, 0
    frame.time_base = Fraction(1, SAMPLE_RATE)
    return frame


def read_metadata(path: Path) -> dict[str, Any]:
    """What ``write_mp4`` was given; empty for a video from elsewhere."""
    with av.open(path) as container:
        text = container.metadata.get(METADATA_KEY, "")
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def write_preview(frames: Frames, path: Path, frame_ms: int) -> None:
    """Write a small looping WebP; readers see the old or the new one, never a part."""
    first, *rest = (Image.fromarray(frame) for frame in frames)
    with replacing(path) as part:
        first.save(
            part,
            "webp",
            save_all=True,
            append_images=rest,
            duration=frame_ms,
            loop=0,
            quality=80,
            method=0,
        )


POSTER_SIDE = 480
"""Pixels of a poster's longer side: twice what a card of the library shows."""

POSTER_SECONDS = 0.5
"""Where in a clip its poster is taken: where there is something to see, and near the beginning."""


def write_poster(frames: Frames, fps: int, path: Path) -> None:
    """Write a frame from near the beginning as a small WebP, whole or not at all."""
    picture = Image.fromarray(frames[min(int(POSTER_SECONDS * fps), len(frames) - 1)])
    picture.thumbnail((POSTER_SIDE, POSTER_SIDE))
    with replacing(path) as part:
        picture.save(part, "webp", quality=80, method=4)


def write_image(frame: NDArray[np.uint8], path: Path) -> None:
    """Write one RGB frame (height, width, 3) as an image of the kind that the name says."""
    Image.fromarray(frame).save(path)


def _to_yuv(frame: NDArray[np.uint8]) -> av.VideoFrame:
    """RGB to BT.709 limited range, the matrix that the stream is tagged with."""
    rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    return rgb.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")


def _timed(frames: Frames) -> Iterator[av.VideoFrame]:
    """Frames with their times, the one before the last as a P frame.

    The last one is never a B frame. So the encoder gives it last, and only the last packet's
    duration has a place in an MP4: those of the others follow from the times of the next ones.
    """
    for index, frame in enumerate(frames):
        timed = _to_yuv(frame)
        timed.pts = index * TICKS
        if 0 < index == len(frames) - 2:
            timed.pict_type = PictureType.P
        yield timed


def _tag_bt709(codec: av.VideoCodecContext) -> None:
    """Say which colors these are: players guess BT.601 for small videos otherwise."""
    bt709, limited = 1, 1
    codec.color_primaries = bt709
    codec.color_trc = bt709
    codec.colorspace = bt709
    codec.color_range = limited
