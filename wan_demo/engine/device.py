"""What this machine computes on, found without importing torch."""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """``kind`` is torch's name (cuda, mps, cpu); ``memory`` is the GPU's, in bytes."""

    kind: str
    name: str
    memory: int = 0


def detect(wanted: str = "auto") -> Device:
    """The device for a wish: ``auto``, or torch's name of one."""
    if wanted in ("auto", "cuda"):
        gpu = _nvidia()
        if gpu is not None:
            return gpu
    if wanted == "mps" or (wanted == "auto" and _is_apple()):
        return Device("mps", "Apple GPU")
    return Device("cpu" if wanted == "auto" else wanted, "CPU" if wanted == "auto" else wanted)


def _is_apple() -> bool:
    return platform.system() == "Darwin" and platform.machine() == "arm64"


def _nvidia() -> Device | None:
    """The first NVIDIA GPU by its driver's own tool; None where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
        name, mebibytes = listed.stdout.splitlines()[0].rsplit(",", 1)
        return Device("cuda", name.strip(), int(mebibytes) * 2**20)
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return None
