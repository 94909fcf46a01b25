"""Open uploaded files through a limited child process; this process never decodes them."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Literal

import numpy as np

from wan_demo.domain.edit import Fit
from wan_demo.domain.events import Frames, Mask
from wan_demo.domain.medium import Medium
from wan_demo.domain.model import Size
from wan_demo.errors import UnreadableMedium
from wan_demo.media.take import Samples, Take

log = logging.getLogger(__name__)

MAX_BYTES = 200 * 2**20
TIMEOUT_SECONDS = 90
READING_SECONDS = 300
"""The same for a job's frames."""

MAX_AT_ONCE = 2
"""Files opened at the same time: what is uploaded must not take the machine from the worker."""

Kind = Literal["image", "video", "mask"]


@dataclass(frozen=True)
class Clip:
    """What an MP4 holds: ``comment`` is its metadata, ``pictures`` a hash of all that it shows."""

    comment: str
    pictures: str


_CODE = Path(__file__).resolve().parents[2]
"""Where ``wan_demo`` is importable from; paths given to the child are absolute."""

_LIMITED = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""On a machine of many cores, threads and arenas alone would take the child's memory."""

_PASSED = {
    *("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONUTF8"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "TEMP", "TMP", "USERPROFILE", "APPDATA"),
}
"""What Python, the libraries that are beside it, and Windows need of the environment. Keys and
passwords stand there too, which a process that opens hostile files must not have."""

_SCRATCH = "wan_demo-frames-"

_places = BoundedSemaphore(MAX_AT_ONCE)
_may_open: ContextVar[bool] = ContextVar("may_open", default=True)


class NotHere(Exception):
    """A file would have to be opened, in a thread that has no time for that."""


@contextmanager
def without_opening() -> Iterator[None]:
    """In this thread, for as long as this lasts, whatever would open a file raises NotHere."""
    before = _may_open.set(False)
    try:
        yield
    finally:
        _may_open.reset(before)


def may_open() -> bool:
    """Whether this thread may open files."""
    return _may_open.get()


def probe(path: Path, kind: Kind) -> Medium:
    """What a file holds; raises UnreadableMedium naming the field, which bears the kind's name."""
    _check_size(path, kind)
    answer = _ask({"do": "probe", "kind": kind, "path": str(path.resolve())})
    return Medium(kind=kind, **answer)


def _check_size(path: Path, field: str) -> None:
    if not _is_file(path):
        raise UnreadableMedium(field, path.name, "must be a file that exists")
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        allowed = f"must be a file of 1 byte to {MAX_BYTES // 2**20} MB"
        raise UnreadableMedium(field, f"{size:,} bytes", allowed)


def _is_file(path: Path) -> bool:
    """``Path.is_file``, also for names that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_image(path: Path, size: Size, fit: Fit = Fit.CROP) -> Frames:
    """A picture in ``size`` (width, height): an array of shape (1, height, width, 3)."""
    return _read({"kind": "image"}, path, Take(size, 1, 1, fit=fit))


def read_reference(path: Path, size: Size) -> Frames:
    """A picture seen whole, on white, in ``size``: an array of shape (1, height, width, 3)."""
    return _read({"kind": "reference"}, path, Take(size, 1, 1))


def read_video(path: Path, size: Size, num_frames: int, fps: float) -> Frames:
    """``num_frames`` frames at ``fps`` from the start, cropped: (num_frames, height, width, 3)."""
    return read_take(path, Take(size, num_frames, fps))


def read_take(path: Path, take: Take) -> Frames:
    """What a take is of a video: shape (num_frames, height, width, 3)."""
    return _read({"kind": "video"}, path, take)


def read_mask(path: Path, take: Take, video: Path) -> Mask:
    """A picture or a video over what ``read_take`` gives of ``video``: white or nothing drawn.

    Shape (num_frames, height, width), uint8: 255 is edited, 0 stays, and so does all padding.
    """
    return _read({"kind": "mask", "video": str(video.resolve())}, path, take)


def read_sound(path: Path, take: Take, seconds: float) -> Samples | None:
    """What is heard while a take of a video is played for so many seconds.

    None where the video has no sound; raises UnreadableMedium("sound", ...) where it can't be read.
    """
    return _read({"kind": "sound", "seconds": seconds}, path, take)


def read_strip(path: Path, times: Sequence[float], height: int | None = None) -> Frames:
    """What a video shows at each of some times, in seconds: (times, height, width, 3), RGB.

    ``height`` None: as large as it is seen. One pass, quick where the times are far apart: then
    each picture is of its time or of shortly before. Raises UnreadableMedium("video", ...).
    """
    _check_size(path, "video")
    command = {"kind": "video", "do": "strip", "times": list(times), "height": height}
    return _array({**command, "path": str(path.resolve())})


def read_clip(path: Path) -> Clip:
    """All of an MP4; raises UnreadableMedium("clip", ...)."""
    _check_size(path, "clip")
    return Clip(**_ask({"do": "read", "kind": "clip", "path": str(path.resolve())}))


def read_comment(path: Path) -> str:
    """An MP4's metadata alone, nothing decoded; raises UnreadableMedium("clip", ...)."""
    _check_size(path, "clip")
    return _ask({"do": "comment", "kind": "clip", "path": str(path.resolve())})["comment"]


def _read(command: dict[str, Any], path: Path, take: Take) -> Any:
    return _array({**command, "do": "read", "path": str(path.resolve()), "take": asdict(take)})


def _array(command: dict[str, Any]) -> Any:
    """The array that the child writes; None where it finds none."""
    with tempfile.TemporaryDirectory(prefix=_SCRATCH) as folder:
        to = Path(folder) / "array.npy"
        _ask({**command, "to": str(to)})
        return np.load(to, allow_pickle=False) if to.exists() else None


def sweep_scratch(before: float) -> None:
    """Delete what was left of reading, of any server here, by a kill before a time.

    Some gigabytes each, where it was a long clip's frames.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        with suppress(OSError):  # another user's
            if folder.lstat().st_mtime < before:
                shutil.rmtree(folder)


def _ask(command: dict[str, Any]) -> dict[str, Any]:
    """Run the child on one command; every way it can die is a refusal of the file."""
    if not may_open():
        raise NotHere
    field = command["kind"]
    name = Path(command["path"]).name if command["do"] == "probe" else "this file"
    seconds = READING_SECONDS if "take" in command else TIMEOUT_SECONDS
    try:
        done = _run(json.dumps(command), seconds)
    except subprocess.TimeoutExpired:
        allowed = f"must open within {seconds} seconds"
        raise UnreadableMedium(field, name, allowed) from None
    if done.returncode != 0:
        log.warning("the child ended with %d: %s", done.returncode, done.stderr[-500:].strip())
        raise UnreadableMedium(field, name, "must be a file that opens within the limits")
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise UnreadableMedium(field, answer.get("came") or name, answer["refused"])
    return answer


def _run(command: str, seconds: float) -> subprocess.CompletedProcess[str]:
    with _places:
        return subprocess.run(
            [sys.executable, "-m", "wan_demo.media.child"],
            input=command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            cwd=_CODE,
            env=_environment(),
        )


def _environment() -> dict[str, str]:
    passed = {name: text for name, text in os.environ.items() if name in _PASSED}
    return {**passed, **_LIMITED}
