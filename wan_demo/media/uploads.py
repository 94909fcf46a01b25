"""What people upload, and copies lent to their browsers: kept for a day after their last use.

Gradio clears away only what it remembers to have written, by its age, and forgets that with its
process. So all of it lies in a folder that is this app's alone, and goes by when it was used.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import stat
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from wan_demo.errors import WanDemoError

KEPT = timedelta(days=1)

log = logging.getLogger(__name__)


class NoPlaceForUploads(WanDemoError):
    """The folder can't be made, or is somebody else's: in a system's temporary one anybody can
    make it, and it is looked into and swept."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"{folder} can't be used for uploads: {why}. Name another place for them with "
            "GRADIO_TEMP_DIR."
        )


class Uploads:
    """The folder below ``place`` for the uploads of one data folder, the same after a restart."""

    def __init__(self, place: Path, data: Path) -> None:
        self.root = place.absolute() / f"wan_demo-{_digest(f'{_user()} {data.absolute()}')[:16]}"

    def create(self) -> Uploads:
        """Make the folder where it is missing, for this user alone; returns itself.

        Raises NoPlaceForUploads.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_ours():
                raise NoPlaceForUploads(self.root, "it belongs to somebody else")
            self.root.chmod(0o700)
        except OSError as error:
            raise NoPlaceForUploads(self.root, str(error.strerror or error)) from None
        return self

    def free_bytes(self) -> int:
        """How much room there is; none where the folder is gone and can't be made again."""
        try:
            return shutil.disk_usage(self.create().root).free
        except (OSError, NoPlaceForUploads) as error:
            log.error("uploads have no place: %s", error)
            return 0

    def sweep(self, before: float) -> int:
        """Delete files that were used last before a time; returns how many."""
        if not self._is_ours():
            return 0
        swept = 0
        for place, _, names in os.walk(self.root, topdown=False):
            folder = Path(place)
            swept += sum(_swept(folder / name, before) for name in names)
            if folder != self.root:
                _drop(folder, before)
        return swept

    def _is_ours(self) -> bool:
        try:
            found = self.root.lstat()
        except OSError:
            return False
        return stat.S_ISDIR(found.st_mode) and (os.name == "nt" or found.st_uid == _user())


def use(path: Path) -> None:
    """A file counts as used now, and is the same as before to whoever remembers what is in it."""
    with suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def _swept(path: Path, before: float) -> bool:
    with suppress(OSError):  # on Windows a file that is being read stays
        found = path.lstat()
        if max(found.st_atime, found.st_mtime) < before:
            path.unlink()
            return True
    return False


def _drop(folder: Path, before: float) -> None:
    """An empty folder goes once it is old too: into a new one a file is about to be moved."""
    with suppress(OSError):
        if folder.stat().st_mtime < before:
            folder.rmdir()


def _user() -> int:
    return 0 if os.name == "nt" else os.getuid()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
