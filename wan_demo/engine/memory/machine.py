"""What there is to compute on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Device = Literal["cuda", "mps", "cpu"]
"""torch's names."""

GIB = 2**30
"""Memory is counted as card makers, nvidia-smi and torch do: 24 GB are 24 x 2**30 bytes."""


@dataclass(frozen=True)
class Machine:
    """A device and the memory around it, in bytes, as free before a model is loaded.

    On a GPU ``gpu_free`` is what its driver reports without this process's own context (which
    the needs contain). On Apple's GPUs it is the recommended working set. Where ``device`` is
    cpu the GPU's figures mean nothing.
    """

    device: Device
    gpu_total: int
    gpu_free: int
    ram_total: int
    ram_free: int
    disk_free: int
    has_bf16: bool = True
    """Computes in bf16: compute capability 8.0 and up, a CPU with avx512_bf16 or amx."""
    has_fp8: bool = False
    """Multiplies in fp8: compute capability 8.9 and up. Storing fp8 needs only CUDA."""
    has_torchao: bool = False
    """torchao is installed."""

    @property
    def free(self) -> int:
        """Free bytes of the memory that the device computes in."""
        return self.ram_free if self.device == "cpu" else self.gpu_free


def plenty(device: Device) -> Machine:
    """A machine that holds everything: the fastest way of a kind of device, whatever it needs."""
    much = 2**50
    return Machine(device, much, much, much, much, much)
