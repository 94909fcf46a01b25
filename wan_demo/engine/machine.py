"""What this machine has free, found without importing torch."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import psutil

from wan_demo.engine import device as driver
from wan_demo.engine.device import Device
from wan_demo.engine.memory import Machine
from wan_demo.engine.memory.machine import Device as Kind

GOOD_FOR_SECONDS = 5.0

MAC_GPU_PART = 0.75
"""Of a Mac's RAM, what its GPU may use; torch asks the system for the exact figure
(``torch.mps.recommended_max_memory``), which is two thirds to three quarters."""

BF16_CAPABILITY = (8, 0)
FP8_CAPABILITY = (8, 9)
"""CUDA compute capabilities from which on a card computes in bf16, and multiplies in fp8."""

_UNLIMITED = 2**60
"""Version 1 of cgroups writes "no limit" as a number of about 2**63."""


@dataclass(frozen=True)
class Ram:
    """Bytes that this process may use in all, and that are free."""

    total: int
    free: int


def measure(device: Device, folder: Path) -> Machine:
    """The machine as it is now: ``folder`` is on the disk that weights may be offloaded to."""
    memory = ram()
    kind = cast(Kind, device.kind)
    machine = Machine(
        device=kind,
        gpu_total=device.memory,
        gpu_free=device.memory,
        ram_total=memory.total,
        ram_free=memory.free,
        disk_free=disk(folder),
        has_bf16=kind != "cpu" or cpu_has_bf16(),
        has_torchao=has_torchao(),
    )
    if kind == "mps":
        return replace(
            machine,
            gpu_total=int(memory.total * MAC_GPU_PART),
            gpu_free=min(memory.free, int(memory.total * MAC_GPU_PART)),
        )
    return _with_gpu(machine) if kind == "cuda" else machine


class Watch:
    """What the machine has free for a model, as a process sees it that holds none itself.

    The worker beside it may hold one, which it would give up for another: what was free at the
    start counts as free. Asking the system takes its time, so an answer is good for a while.
    """

    def __init__(self, device: Device, folder: Path) -> None:
        self._measure = partial(measure, device, folder)
        self._start = self._latest = self._measure()
        self._asked_at = time.monotonic()

    def __call__(self) -> Machine:
        if time.monotonic() - self._asked_at > GOOD_FOR_SECONDS:
            self._latest, self._asked_at = self._measure(), time.monotonic()
        return larger(self._latest, self._start)


def larger(one: Machine, other: Machine) -> Machine:
    """``one`` with the larger of what either has free."""
    return replace(
        one,
        gpu_free=max(one.gpu_free, other.gpu_free),
        ram_free=max(one.ram_free, other.ram_free),
        disk_free=max(one.disk_free, other.disk_free),
    )


def ram() -> Ram:
    """RAM within the limits of this process's control groups: a container has less than its host.

    What the system can take back at once, its page cache, counts as free.
    """
    found = psutil.virtual_memory()
    total, free = found.total, found.available
    for limit, used in _limits(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")):
        total, free = min(total, limit), min(free, max(0, limit - used))
    return Ram(total, free)


def own_ram() -> int:
    """RAM that this process alone holds; of mapped files only what it has written to."""
    found = psutil.Process().memory_info()
    return found.rss - getattr(found, "shared", 0)


def disk(folder: Path) -> int:
    """Free bytes of the disk that ``folder`` is on, or will be."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies in bf16: only Linux tells."""
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return False
    return bool(words & {"avx512_bf16", "amx_bf16", "bf16"})


def has_torchao() -> bool:
    """Whether the optional torchao is installed."""
    return find_spec("torchao") is not None


def _with_gpu(machine: Machine) -> Machine:
    """What the driver tells of the first card; where it does not, the defaults stand."""
    free = driver.query_gpu("memory.free")
    if free is not None and free.isdecimal():
        machine = replace(machine, gpu_free=int(free) * 2**20)
    major, _, minor = (driver.query_gpu("compute_cap") or "").partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        return machine
    capability = (int(major), int(minor))
    return replace(
        machine,
        has_bf16=capability >= BF16_CAPABILITY,
        has_fp8=capability >= FP8_CAPABILITY,
    )


def _limits(listed: Path, root: Path) -> Iterator[tuple[int, int]]:
    """Limit and use of each control group that this process is in, up to the root of the tree.

    ``listed`` is ``/proc/self/cgroup``; its lines read ``number:controllers:path``, and version 2
    has the one without number and controllers.
    """
    try:
        lines = listed.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            yield from _groups(root, path, "memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
            yield from _groups(root / "memory", path, *names)


def _groups(root: Path, path: str, limit: str, used: str) -> Iterator[tuple[int, int]]:
    """Of a group and all above it; inside a container the root itself is the container's."""
    group = root / path.lstrip("/")
    while group.is_relative_to(root):
        most, now = _number(group / limit), _number(group / used)
        if most is not None and now is not None and most < _UNLIMITED:
            yield most, max(0, now - _reclaimable(group / "memory.stat"))
        if group == root:
            return
        group = group.parent


def _reclaimable(stat: Path) -> int:
    """Page cache that counts as used and is given back when memory is short."""
    try:
        rows = [row.split() for row in stat.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return 0
    known = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}
    return known.get("total_inactive_file", known.get("inactive_file", 0))


def _number(path: Path) -> int | None:
    """A file's one number; None for "max", and where there is no such file."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None
