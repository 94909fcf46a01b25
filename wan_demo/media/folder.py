"""The data folder: inputs, previews and videos. Nothing unfinished ever ends in ``.mp4``."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RESERVE_BYTES = 64 * 2**20
"""Free space below which no job is accepted: room for a video and for the database."""


class DataFolder:
    """Paths below one root. Inputs are named by their content, videos at random."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.inputs = self.root / "inputs"
        self.previews = self.root / "previews"
        self.videos = self.root / "videos"

    def create(self) -> DataFolder:
        """Make the folders where they are missing; returns itself."""
        for folder in (self.inputs, self.previews, self.videos):
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
        """Copy an uploaded file in, once for the same bytes; returns its name in ``inputs``."""
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        target = self.inputs / digest
        if not target.exists():
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

    def new_video(self) -> str:
        """A file name that nobody can guess."""
        return f"{secrets.token_urlsafe(16)}.mp4"


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


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows has no handle on a folder and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
