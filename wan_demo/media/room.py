"""Room on the disk for files that strangers bring, by an upload or by an address."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from wan_demo.domain.rates import Rates

SPARE_BYTES = 512 * 2**20
"""Of the disk: files are refused before jobs are, many of which need none."""

EACH_BYTES = 4e9
"""That one address may bring at once, and in each hour from then on: twenty of the largest."""

_FULL = (errno.ENOSPC, errno.EDQUOT)


def free_bytes(folder: Path) -> int:
    """Of the disk that a folder is on, which may be still to be made."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    return shutil.disk_usage(there).free


def is_full(error: BaseException) -> bool:
    """Whether the system says that a disk, or somebody's share of it, is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def brought() -> Rates:
    """What each address brings, in bytes."""
    return Rates(EACH_BYTES / 3600, EACH_BYTES)
