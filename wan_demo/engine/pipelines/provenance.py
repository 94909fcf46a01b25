"""What made a clip's frames, as its metadata records it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import torch

from wan_demo.domain.checkpoint import Checkpoint

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


def revision(files: Checkpoint) -> str:
    """Which weights these are: commits of the hub's snapshots, or a digest of weight files."""
    extra = [*sorted({**files.replaced, **files.loras}.items()), *sorted(files.heads.items())]
    return "+".join([_of_folder(files.folder), *(_of_file(path) for _, path in extra)])


def _of_folder(folder: Path) -> str:
    if folder.parent.name == "snapshots":
        return folder.name
    return _digest(sorted(folder.rglob("*.safetensors")))


def sha256(path: Path) -> str:
    """A file's SHA-256; a hub file is a link to a blob that bears its own."""
    blob, stat = path.resolve(), path.stat()
    if blob.parent.name == "blobs" and len(blob.name) == 64:
        return blob.name
    return _sha256(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _sha256(path: Path, _mtime_ns: int, _size: int) -> str:
    """A LoRA has some 600 MB: a second a job, if it were read each time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_file(path: Path) -> str:
    """A hub file is a link to a blob that bears its own SHA-256."""
    blob = path.resolve().name
    return f"sha256:{blob[:16]}" if len(blob) == 64 else _digest([path])


def _digest(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:16]}"
