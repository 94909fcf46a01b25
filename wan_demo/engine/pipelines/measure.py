"""What this machine has for a model, as the worker itself finds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from wan_demo.engine import machine
from wan_demo.engine.device import Device
from wan_demo.engine.memory import Machine

OWN_CONTEXT = 3 * 2**27
"""Bytes that this process's CUDA context and its kernels take of a GPU, about: 0.3 to 0.6 GB
by card and driver. What the driver calls free is without it, and the needs contain it."""


def measure(device: str, folder: Path) -> Machine:
    """The machine as if no model were in memory: what this process holds counts as free.

    The model that is there now is given up for another one. ``folder`` is on the disk that
    weights may be offloaded to.
    """
    found = machine.measure(Device("cpu", "CPU"), folder)
    found = replace(found, ram_free=min(found.ram_total, found.ram_free + machine.own_ram()))
    if device == "cuda":
        return _with_cuda(found)
    if device == "mps":
        most = torch.mps.recommended_max_memory()
        return replace(
            found,
            device="mps",
            gpu_total=most,
            gpu_free=min(most, found.ram_free),
            has_bf16=torch.backends.mps.is_macos_or_newer(14, 0),
        )
    return found


def _with_cuda(found: Machine) -> Machine:
    free, total = torch.cuda.mem_get_info()
    own = torch.cuda.memory_reserved() + OWN_CONTEXT
    capability = torch.cuda.get_device_capability()
    return replace(
        found,
        device="cuda",
        gpu_total=total,
        gpu_free=min(total, free + own),
        has_bf16=capability >= machine.BF16_CAPABILITY,
        has_fp8=capability >= machine.FP8_CAPABILITY,
    )
