"""Faults in the kernel's answers to one process: strace counts its calls and spoils the N-th one.

Real calls of the real program are hit, SQLite's and FFmpeg's among them, and nothing is patched.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path

CALLS = {
    "write": "write",
    "table's write": "pwrite64",
    "fsync": "fsync",
    "commit": "fdatasync",
    "rename": "?rename,renameat,?renameat2",
    "unlink": "?unlink,unlinkat",
    "copy": "copy_file_range,sendfile",
}
"""What is hit, and the system calls that do it: SQLite writes by pwrite64 and commits by fdatasync,
FFmpeg and Pillow write by write, and files are synced and renamed by ``media.folder.replacing``."""

Command = list[str]


@cache
def why_not() -> str | None:
    """Why no call can be hit on this machine; None where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed (Debian: apt-get install strace)"
    probe = [*killed_at("write", 1, Path(os.devnull)), "echo"]
    killed = subprocess.run(probe, capture_output=True, check=False).returncode == -signal.SIGKILL
    return None if killed else "strace may not trace here (ptrace is forbidden)"


def killed_at(what: str, when: int, log: Path) -> Command:
    """Runs a command that is killed as it begins its call number ``when``, right after the last.

    Without seccomp's help, as a signal given in its stop is lost.
    """
    return _hit(what, "signal=SIGKILL", f"{when}", log)


def refused_at(what: str, error: str, first: int, last: int, log: Path) -> Command:
    """Runs a command whose calls number ``first`` to ``last`` fail with ``error``."""
    return [*_hit(what, f"error={error}", f"{first}..{last}", log), "--seccomp-bpf"]


def _hit(what: str, how: str, when: str, log: Path) -> Command:
    """``log`` gets the calls, those that were hit marked as INJECTED."""
    calls = CALLS[what]
    return [
        *("strace", "-f", "-qq", "-o", str(log)),
        *("-e", f"trace={calls}", "-e", f"inject={calls}:{how}:when={when}"),
    ]
