"""The data folder: inputs, previews, videos and LoRAs. Nothing unfinished ever ends in ``.mp4``."""

from __future__ import annotations

import glob
import hashlib
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Lock

from wan_demo.domain.job import Job, Output

RESERVE_BYTES = 64 * 2**20
"""Free space below which no job is accepted: room for a video and for the database."""


class DataFolder:
    """Paths below one root. Inputs are named by their content, videos by their job.

    ``offload`` is for weights that workers keep on the disk (``media.offload``). What lies in
    ``loras`` is people's own: nothing here writes or deletes there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.inputs = self.root / "inputs"
        self.previews = self.root / "previews"
        self.videos = self.root / "videos"
        self.sources = self.root / "sources"
        self.offload = self.root / "offload"
        self.loras = self.root / "loras"
        self._inputs_lock = Lock()

    def create(self) -> DataFolder:
        """Make the folders where they are missing; returns itself."""
        for folder in (self.inputs, self.previews, self.videos, self.sources, self.loras):
            folder.mkdir(parents=True, exist_ok=True)
        return self

    @property
    def database(self) -> Path:
        """The SQLite file of the job table."""
        return self.root / "jobs.sqlite3"

    def has_room(self) -> bool:
        """Whether the disk has room for another video."""
        return shutil.disk_usage(self.root).free > RESERVE_BYTES

    def keep_input(self, source: Path) -> str:
        """Copy an uploaded file in, once for the same bytes; returns its name in ``inputs``.

        It counts as new from now on, so that ``sweep_inputs`` leaves it alone until a job names it.
        """
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        target = self.inputs / digest
        with self._inputs_lock:
            is_there = target.exists()
            if is_there:
                os.utime(target)
        if not is_there:
            with replacing(target) as part:
                shutil.copyfile(source, part)
        return digest

    def input(self, name: str) -> Path:
        """The path of a kept input."""
        return self.inputs / Path(name).name

    def preview(self, job_id: str) -> Path:
        """Where a running job's latest preview lies."""
        return self.previews / f"{job_id}.webp"

    def video(self, name: str) -> Path:
        """The path of a finished video."""
        return self.videos / Path(name).name

    def poster(self, name: str) -> Path:
        """Where the still picture of a finished video lies, if it has one."""
        return self.video(name).with_suffix(".webp")

    def source(self, job_id: str) -> Path:
        """Where what a job's model saw of a video lies, if it began with one: an MP4 by another
        name, as it is no clip."""
        return self.sources / f"{Path(job_id).name}.m4v"

    def sizes(self) -> Mapping[str, int]:
        """Bytes in ``videos`` and ``sources`` by job: what a file's name begins with."""
        found: Counter[str] = Counter()
        for folder in (self.videos, self.sources):
            with os.scandir(folder) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        found[entry.name.split(".")[0]] += entry.stat().st_size
        return found

    def remove_clips(self, job_id: str, names: Iterable[str] = ()) -> None:
        """Delete a job's videos, their posters and their source, and the videos named.

        OSError where one stays.
        """
        for video in {*self._of(job_id), *map(self.video, names)}:
            video.unlink(missing_ok=True)
            video.with_suffix(".webp").unlink(missing_ok=True)
        for poster in self.videos.glob(f"{glob.escape(job_id)}.*.*.webp"):
            poster.unlink(missing_ok=True)
        self.source(job_id).unlink(missing_ok=True)

    def drop_source(self, job_id: str) -> None:
        """Delete a job's source where no clip is there to be compared with it."""
        if not any(self._of(job_id)):
            _delete([self.source(job_id)])

    def sweep_inputs(self, named: Set[str], before: float) -> int:
        """Delete inputs that nobody names, last submitted before a time; returns how many."""
        swept = 0
        for path in list(self.inputs.iterdir()):
            with self._inputs_lock, suppress(OSError):
                if path.name not in named and path.stat().st_mtime < before:
                    path.unlink()
                    swept += 1
        return swept

    def video_of(self, job_id: str, attempt: int, index: int) -> str:
        """The file name of a job's clip ``index``, from 0, by the attempt that makes it.

        What an attempt that was given up still writes is never in another one's way.
        """
        return f"{job_id}.{attempt}.{index}.mp4"

    def finished(self, job_id: str, index: int) -> str | None:
        """The clip that an attempt wrote whole before it was lost; None where none did."""
        found = [path.name for path in self._of(job_id) if path.name.split(".")[2] == f"{index}"]
        return max(found, default=None)

    def clips_of(self, job: Job) -> list[Output]:
        """The whole clips of a job, whichever attempt wrote them: they stay with its end."""
        indices = range(job.request.num_videos_per_prompt)
        found = [(index, self.finished(job.id, index)) for index in indices]
        return [
            Output(file=name, seed=job.request.single(index).seed) for index, name in found if name
        ]

    def _of(self, job_id: str) -> Iterator[Path]:
        """The whole clips of a job, by any attempt."""
        return self.videos.glob(f"{glob.escape(job_id)}.*.*.mp4")

    def sweep(self, videos: Set[str], since: datetime, jobs: Set[str] = frozenset()) -> None:
        """Delete what a hard kill left: parts, previews, and videos but those named; and posters
        and sources without a video.

        A video from before ``since`` stays, as those names say nothing about it, and so do clips
        of ``jobs``, which are to be gone on with.
        """
        for folder in (self.root, self.inputs, self.videos, self.sources):
            _delete(folder.glob("*.part"))
        _delete(self.previews.iterdir())
        shown = jobs | {name.split(".")[0] for name in videos}
        of_nobody = [
            path
            for path in self.videos.glob("*.mp4")
            if path.name not in videos and path.name.split(".")[0] not in jobs
        ]
        of_nobody += [path for path in self.sources.glob("*.m4v") if path.stem not in shown]
        _delete(path for path in of_nobody if path.stat().st_mtime >= since.timestamp())
        _delete(p for p in self.videos.glob("*.webp") if not p.with_suffix(".mp4").exists())


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A ``.part`` file to write to, which becomes ``target`` whole and durable, or not at all."""
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
        _sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _delete(paths: Iterable[Path]) -> None:
    for path in list(paths):
        with suppress(OSError):  # on Windows a file that is being read stays
            path.unlink()


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows has no handle on a folder and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
