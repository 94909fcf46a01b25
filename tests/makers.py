"""Makes what tests need: requests, frames and media files, odd ones too."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray
from PIL import Image

from wan_demo.domain.events import Frames
from wan_demo.domain.request import GenerationRequest

RED, GREEN, BLUE, BLACK, WHITE = (
    (220, 40, 40),
    (40, 180, 70),
    (50, 90, 230),
    (0, 0, 0),
    (255, 255, 255),
)

Color = tuple[int, int, int]


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def request(**changes: Any) -> GenerationRequest:
    """A valid request of the bundled model, small enough to run in a moment."""
    values: dict[str, Any] = {
        "task": "text_to_video",
        "model": "wan-tiny",
        "prompt": "a red circle moving right",
        "width": 64,
        "height": 64,
        "num_frames": 9,
        "fps": 8,
        "num_inference_steps": 3,
        "guidance_scale": 3.0,
        "seed": 1,
    }
    return GenerationRequest.model_validate({**values, **changes})


def until(is_so: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait for something to become true; the wait is generous, for busy machines."""
    end = time.monotonic() + seconds
    while not (answer := is_so()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
    return answer


def quarters(size: tuple[int, int], colors: Sequence[Color] = (RED, GREEN, BLUE, WHITE)) -> Frames:
    """One picture of four colors: left top, right top, left bottom, right bottom."""
    width, height = size
    picture = np.zeros((height, width, 3), np.uint8)
    for index, color in enumerate(colors):
        rows = slice(0, height // 2) if index < 2 else slice(height // 2, height)
        columns = slice(0, width // 2) if index % 2 == 0 else slice(width // 2, width)
        picture[rows, columns] = color
    return picture


def noise(size: tuple[int, int]) -> Image.Image:
    """A picture with a photograph's detail."""
    levels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(levels)


def grays(count: int, size: tuple[int, int] = (64, 64)) -> Frames:
    """``count`` frames, each a plain gray of its own: ``20 + 8 * index``."""
    levels = (20 + 8 * np.arange(count)).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, size[1], size[0], 3)).copy()


def gray_index(frame: Frames) -> int:
    """Which of ``grays`` a decoded frame is."""
    return round((float(frame.mean()) - 20) / 8)


def save_video(
    path: Path,
    frames: Frames,
    fps: int = 8,
    times_ms: Sequence[int] | None = None,
    container: str | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    pixel: Fraction = Fraction(1),
    sound: NDArray[np.int16] | None = None,
    sound_codec: str = "aac",
    sound_rate: int = 48_000,
) -> Path:
    """A video file; ``times_ms`` gives each frame a time of its own, ``pixel`` its shape.

    ``sound``, of shape (samples, channels), begins at 0.
    """
    with av.open(path, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=fps)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        stream.codec_context.sample_aspect_ratio = pixel
        if times_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        layout = "" if sound is None else _LAYOUTS[sound.shape[1]]
        track: Any = layout and file.add_stream(sound_codec, rate=sound_rate, layout=layout)
        for index, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if times_ms is not None:
                frame.pts, frame.time_base = times_ms[index], Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
        if sound is not None:
            heard = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(sound).reshape(1, -1), format="s16", layout=layout
            )
            heard.sample_rate, heard.pts = sound_rate, 0
            file.mux(track.encode(heard))
            file.mux(track.encode())
    return path


def save_sounding(
    path: Path,
    frames: Frames,
    fps: int,
    sounds: Sequence[NDArray[np.int16]],
    rate: int,
    begins: float = 0.0,
) -> Path:
    """A video whose sound tracks, each of shape (samples, channels), begin at some second."""
    with av.open(path, "w") as file:
        stream: Any = file.add_stream("libx264", rate=fps)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        layouts = [_LAYOUTS[sound.shape[1]] for sound in sounds]
        tracks: list[Any] = [file.add_stream("aac", rate=rate, layout=each) for each in layouts]
        for picture in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())
        for track, layout, sound in zip(tracks, layouts, sounds, strict=True):
            row = np.ascontiguousarray(sound).reshape(1, -1)
            heard = av.AudioFrame.from_ndarray(row, format="s16", layout=layout)
            heard.sample_rate, heard.pts = rate, round(begins * rate)
            heard.time_base = Fraction(1, rate)
            file.mux(track.encode(heard))
            file.mux(track.encode())
    return path


_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def tones(*pitches: float, rate: int = 48_000, channels: int = 2) -> NDArray[np.int16]:
    """A second of each pitch in Hz, one after the other; 0 is silence."""
    time = np.arange(rate) / rate
    waves = [np.sin(2 * np.pi * pitch * time) * 12_000 for pitch in pitches]
    return np.repeat(np.concatenate(waves)[:, None], channels, axis=1).astype(np.int16)


def pitch_at(sound: NDArray[np.int16], seconds: float, rate: int = 48_000) -> int:
    """The loudest pitch within a tenth of a second around a moment, in Hz; 0 for silence."""
    window = sound[int((seconds - 0.05) * rate) : int((seconds + 0.05) * rate), 0].astype(float)
    if np.abs(window).max() < 500:
        return 0
    return int(np.abs(np.fft.rfft(window * np.hanning(len(window)))).argmax() * 10)


def heard_in(path: Path) -> NDArray[np.int16] | None:
    """All of a file's sound, decoded; None where it has none."""
    with av.open(path) as file:
        if not file.streams.audio:
            return None
        rows = [frame.to_ndarray() for frame in file.decode(audio=0)]
    return (np.concatenate(rows, axis=1).T * 32767).astype(np.int16)


def save_sound(path: Path) -> Path:
    """An MP4 with a second of silence and no picture."""
    with av.open(path, "w", format="mp4") as file:
        stream: Any = file.add_stream("aac", rate=44100)
        for index in range(44):
            silence = np.zeros((1, 1024), np.float32)
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, index * 1024
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def save_song(path: Path) -> Path:
    """An M4A with a second of silence and a cover picture."""
    with av.open(path, "w", format="mp4") as file:
        sound: Any = file.add_stream("aac", rate=44100)
        cover: Any = file.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        file.mux(cover.encode(av.VideoFrame.from_ndarray(quarters((64, 64)), format="rgb24")))
        file.mux(cover.encode())
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 44100, 0
        file.mux(sound.encode(frame))
        file.mux(sound.encode())
    return path


def with_strange_sound(path: Path) -> Path:
    """The same Matroska file, whose sound says it is of a codec that nobody knows."""
    data = path.read_bytes()
    assert data.count(b"A_AAC") == 1
    path.write_bytes(data.replace(b"A_AAC", b"A_ZZZ"))
    return path


CLOCKWISE = (0, 1, -1, 0)
"""The a, b, c, d of a phone held upright: what is stored at x, y is seen at ax + cy, bx + dy."""


def turn_clockwise(path: Path) -> Path:
    """Write the display matrix of a phone held upright into an MP4's track header."""
    return show_by(path, CLOCKWISE)


def show_by(path: Path, turned: tuple[int, int, int, int]) -> Path:
    """Write a display matrix into an MP4's track header: its a, b, c, d."""
    one, unit = 1 << 16, 1 << 30
    data = path.read_bytes()
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (one * each for each in turned)
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, unit)
    path.write_bytes(data[:at] + matrix + data[at + len(matrix) :])
    return path
