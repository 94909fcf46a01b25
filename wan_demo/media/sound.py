"""The sound of a video's part, as its take plays it; only the child process imports this."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av import error as fault
from av.container import InputContainer
from av.filter import Graph

from wan_demo.media.moving import SKIPPED, timeline
from wan_demo.media.opened import Refused, codec_name, container_format, open_container
from wan_demo.media.take import SAMPLE_RATE, Samples, Take

CODECS = frozenset(
    {"aac", "aac_fixed", "aac_latm", "mp3", "mp3float", "mp2", "mp2float", "opus", "libopus"}
    | {"vorbis", "libvorbis", "flac", "alac", "ac3", "ac3_fixed", "eac3", "wmav2", "adpcm_ms"}
    | {"amrnb", "amrwb", "adpcm_ima_wav", "adpcm_ima_qt"}
)

GAP = 0.05
"""Seconds by which a sound's clock must be off before its samples leave their row."""

SLOWEST, FASTEST = 0.5, 2.0
"""What one of FFmpeg's ``atempo`` filters does well; beyond, several are chained."""

CHUNK = 8192
"""Samples that go through the filters at once."""

TAIL = SAMPLE_RATE // 4
"""More samples than the chained filters' windows hold."""


def read_sound(path: Path, take: Take, seconds: float) -> Samples | None:
    """What is heard while a take is played for so many seconds; None: there is no sound track.

    Where the part has no sound any more there is silence. Raises Refused.
    """
    line = timeline(path)
    begin, end = take.part(line.seconds)
    needed = min(end - begin, seconds * take.speed)
    begin = end - needed if take.is_reversed else begin
    heard = _part(path, begin, needed, line.origin or 0.0)
    if heard is None:
        return None
    if take.is_reversed:
        heard = heard[::-1]
    return _of_length(_at_speed(heard, take.speed), round(seconds * SAMPLE_RATE))


def sound_of(path: Path) -> str:
    """What there is to hear in a video: a value of ``Medium.sound``."""
    try:
        with open_container(path, container_format(path)) as container:
            if not container.streams.audio:
                return "none"
            is_heard = any(True for _ in _decoded(container, 0.0))  # the first frame is enough
    except (av.FFmpegError, ValueError, Refused):
        return "unreadable"
    return "heard" if is_heard else "unreadable"


def _part(path: Path, begin: float, seconds: float, origin: float) -> Samples | None:
    """The samples from a moment of the pictures on, silence where there is no sound."""
    part = np.zeros((round(seconds * SAMPLE_RATE), 2), np.int16)
    is_heard = False
    try:
        with open_container(path, container_format(path)) as container:
            if not container.streams.audio:
                return None
            for at, samples in _placed(container, begin + origin):
                is_heard = True
                first, last = max(at, 0), min(at + len(samples), len(part))
                if first < last:
                    part[first:last] = samples[first - at : last - at]
                if at >= len(part):
                    break
    except (av.FFmpegError, ValueError) as error:
        raise Refused("has a sound track that can't be read") from error
    if not is_heard:
        raise Refused("has a sound track that can't be read")
    return part


def _placed(container: InputContainer, begin: float) -> Iterator[tuple[int, Samples]]:
    """(how many samples after a moment of the file's clock, samples), row after row."""
    resampler = av.AudioResampler("s16", "stereo", SAMPLE_RATE)
    row: int | None = None
    for frame in _decoded(container, begin):
        told = round(((frame.time or 0.0) - begin) * SAMPLE_RATE)
        row = told if row is None or abs(told - row) > GAP * SAMPLE_RATE else row
        for each in resampler.resample(frame):
            samples = _samples(each)
            yield row, samples
            row += len(samples)


def _decoded(container: InputContainer, begin: float) -> Iterator[av.AudioFrame]:
    """The frames from about a moment on; packets that are damaged are passed over."""
    stream = container.streams.audio[0]
    name = codec_name(stream)
    if name not in CODECS and not name.startswith("pcm_"):
        raise Refused(f"has sound of the codec {name}, which is not read")
    if begin > SKIPPED and stream.time_base:
        container.seek(int((begin - SKIPPED / 2) / stream.time_base), stream=stream)
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except fault.InvalidDataError:
            continue


def _at_speed(samples: Samples, speed: float) -> Samples:
    """Faster or slower at the same pitch.

    A filter keeps its last window for itself: silence pushes it out.
    """
    if speed == 1.0 or not len(samples):
        return samples
    graph = _tempo(speed)
    pushed = np.concatenate([samples, np.zeros((TAIL, 2), np.int16)])
    for at in range(0, len(pushed), CHUNK):
        chunk = pushed[at : at + CHUNK].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(chunk, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, at, Fraction(1, SAMPLE_RATE)
        graph.push(frame)
    graph.push(None)
    found = np.concatenate(list(_pulled(graph)))
    return found[: round(len(samples) / speed)]


def _tempo(speed: float) -> Graph:
    graph = Graph()
    nodes = [
        graph.add_abuffer(
            sample_rate=SAMPLE_RATE,
            format="s16",
            layout="stereo",
            time_base=Fraction(1, SAMPLE_RATE),
        ),
        *(graph.add("atempo", f"{each}") for each in _factors(speed)),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    return graph


def _factors(speed: float) -> list[float]:
    """Factors of a speed, each from SLOWEST to FASTEST."""
    factors = []
    while not SLOWEST <= speed <= FASTEST:
        step = FASTEST if speed > 1 else SLOWEST
        factors.append(step)
        speed /= step
    return [*factors, speed]


def _pulled(graph: Graph) -> Iterator[Samples]:
    while True:
        try:
            yield _samples(graph.pull())
        except (fault.EOFError, fault.BlockingIOError):
            return


def _samples(frame: Any) -> Samples:
    return np.asarray(frame.to_ndarray(), np.int16).reshape(-1, 2)


def _of_length(samples: Samples, count: int) -> Samples:
    """Cut, or with silence at the end."""
    whole = np.zeros((count, 2), np.int16)
    whole[: len(samples)] = samples[:count]
    return whole
