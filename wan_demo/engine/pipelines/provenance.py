"""What made a clip's frames, as its metadata records it."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path

import torch

LIBRARIES = ("torch", "diffusers", "transformers", "av")


def device_name(device: str) -> str:
    """What decides the kernels, and so the last bits: the GPU, or the CPU's instructions."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    if device == "mps":
        return "Apple GPU"
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def environment(device: str) -> dict[str, str]:
    """The device and the libraries."""
    return {
        "device": device,
        "device_name": device_name(device),
        "threads": str(torch.get_num_threads()),
        **{name: version(name) for name in LIBRARIES},
    }


def revision(folder: Path) -> str:
    """Which weights these are: a hub snapshot's commit, or a digest of the weight files."""
    if folder.parent.name == "snapshots":
        return folder.name
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:16]}"
