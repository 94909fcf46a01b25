"""Weights that a process keeps on the disk while it runs: a folder of its own, gone with it."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

ALL = "all"
"""The name of the lock of whoever makes or sweeps folders."""


@contextmanager
def own_folder(root: Path) -> Iterator[Path]:
    """The path of a new folder below ``root``, to be made by whoever writes there.

    A lock beside it says that it is in use for as long as this process lives; what was left by
    processes that were killed goes first.
    """
    root.mkdir(parents=True, exist_ok=True)
    mine = root / secrets.token_hex(8)
    lock = FileLock(mine.with_suffix(".lock"))
    with FileLock(root / f"{ALL}.lock"):
        sweep(root)
        lock.acquire()
    try:
        yield mine
    finally:
        _delete(mine, lock)


def sweep(root: Path) -> None:
    """Delete the folders below ``root``, and their locks, that no living process holds."""
    for folder in {path.with_suffix("") for path in root.iterdir()} - {root / ALL}:
        lock = FileLock(folder.with_suffix(".lock"), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        _delete(folder, lock)


def _delete(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
