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
    answer = query_gpu("name,memory.total")
    try:
        name, mebibytes = (answer or "").rsplit(",", 1)
        return Device("cuda", name.strip(), int(mebibytes) * 2**20)
    except ValueError:
        return None


def query_gpu(fields: str) -> str | None:
    """What the driver's tool says of the first GPU, by its names; None where it says nothing."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    query = [tool, f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
        return listed.stdout.splitlines()[0].strip()
    except (OSError, subprocess.SubprocessError, IndexError):
        return None
