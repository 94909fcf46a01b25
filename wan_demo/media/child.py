"""The process that opens files from strangers: ``python -m wan_demo.media.child``.

It reads one JSON command from standard input, does it under what limits the system has for it
(``_limit``), and writes one JSON answer to standard output. Decoders see hostile bytes only here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from wan_demo.media.clip import read_clip, read_comment
from wan_demo.media.fit import fit, fit_mask, flat_share, on_white
from wan_demo.media.moving import probe_video, shown_at, strip_of, timeline
from wan_demo.media.opened import CONTAINERS, Refused, container_format
from wan_demo.media.sound import read_sound, sound_of
from wan_demo.media.still import FORMATS, drawn, frames_of, is_still, open_image, open_mask
from wan_demo.media.take import Take

MAX_MEMORY = 3 * 2**30
MAX_CPU_SECONDS = 60
MAX_READING_SECONDS = 600
"""The same where a job's frames are read: minutes of 4K video may have to be decoded."""

MAX_CPU_SECONDS_OF_A_COMMENT = 15
"""Nothing is decoded for it; a file of 20 million empty boxes would take a minute."""

MAX_OUTPUT = 3 * 2**30
"""Bytes of the one file that is written: 1025 frames of 1280x720 are 2.8 GB."""

NOTHING_DRAWN = "must be white where your video is edited"

Pictures = Iterable[tuple[Iterable[int], Image.Image]]
"""Fitted pictures, each with the places among the frames at which it stands."""


def main() -> None:
    """Do the one command given on standard input."""
    command = json.load(sys.stdin)
    _limit(_cpu_seconds(command))
    try:
        answer = _run(command)
    except Refused as refusal:
        answer = {"refused": str(refusal), "came": refusal.came}
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
        return _PROBES[command["kind"]](path)
    if command["do"] == "strip":
        pictures = strip_of(path, command["times"], command["height"])
        return _write(Path(command["to"]), pictures, len(command["times"]))
    take = Take.told(command["take"])
    if command["kind"] == "sound":
        return _sound(path, take, command["seconds"], Path(command["to"]))
    if command["kind"] == "image":
        pictures = [([0], fit(open_image(path), take.size, take.fit))]
    elif command["kind"] == "reference":
        pictures = [([0], on_white(open_image(path), take.size))]
    elif command["kind"] == "mask":
        pictures = _mask(path, take, Path(command["video"]))
    else:
        pictures = _video(path, take)
    return _write(Path(command["to"]), pictures, take.num_frames)


def probe_image(path: Path) -> dict[str, Any]:
    """Size and detail of a picture, and of how many it is the first."""
    image = open_image(path)
    with Image.open(path, formats=FORMATS) as whole:
        frames = frames_of(whole)
    size = {"width": image.width, "height": image.height}
    return {**size, "frames": frames, "detail": 1 - flat_share(image)}


def probe_mask(path: Path) -> dict[str, Any]:
    """What a mask holds: a picture or a video."""
    if is_still(path):
        if open_mask(path).getbbox() is None:
            raise Refused(NOTHING_DRAWN, "nothing white")
        return probe_image(path)
    _check_moves(path)
    return probe_video(path)


def probe_source(path: Path) -> dict[str, Any]:
    """What a video holds that is edited or gone on with: its sound goes along."""
    return {**probe_video(path), "sound": sound_of(path)}


_PROBES = {"image": probe_image, "video": probe_source, "mask": probe_mask}


def _video(path: Path, take: Take) -> Pictures:
    line = timeline(path)
    for places, picture in shown_at(path, take.moments(line.seconds), line):
        yield places, fit(picture, take.size, take.fit)


def _mask(path: Path, take: Take, video: Path) -> Pictures:
    """A picture is held; a video goes with the one it lies over, and its last picture stays."""
    if is_still(path):
        yield range(take.num_frames), fit_mask(open_mask(path), take.size, take.fit)
        return
    _check_moves(path)
    moments = take.moments(timeline(video).seconds)
    for places, picture in shown_at(path, moments, timeline(path)):
        yield places, fit_mask(drawn(picture), take.size, take.fit)


def _sound(path: Path, take: Take, seconds: float, to: Path) -> dict[str, Any]:
    samples = read_sound(path, take, seconds)
    if samples is not None:
        np.save(to, samples)
    return {}


def _check_moves(path: Path) -> None:
    try:
        container_format(path)
    except Refused:
        raise Refused(
            f"must be a PNG, JPEG, WebP, GIF, BMP or TIFF image, or an {CONTAINERS} video"
        ) from None


def _write(to: Path, pictures: Pictures, count: int) -> dict[str, Any]:
    """A ``.npy`` of (count, height, width[, 3]), picture by picture: they are never all here."""
    begin: int | None = None
    with to.open("wb") as file:
        for places, picture in pictures:
            data = np.asarray(picture)
            begin = _write_header(file, data, count) if begin is None else begin
            for place in places:
                file.seek(begin + place * data.nbytes)
                file.write(data.tobytes())
    return {}


def _write_header(file: BinaryIO, first: np.ndarray, count: int) -> int:
    """Returns where the frames begin."""
    header = np.lib.format.header_data_from_array_1_0(first)
    np.lib.format.write_array_header_1_0(file, {**header, "shape": (count, *first.shape)})
    return file.tell()


def _cpu_seconds(command: dict[str, Any]) -> int:
    """By what there is to do."""
    if command["do"] == "comment":
        return MAX_CPU_SECONDS_OF_A_COMMENT
    return MAX_READING_SECONDS if "take" in command else MAX_CPU_SECONDS


def _limit(cpu_seconds: int) -> None:
    """Cap CPU time and file size where the system can (not on Windows), memory on Linux alone.

    Who started this process ends it after some time on all of them (``media.decode``).
    """
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
