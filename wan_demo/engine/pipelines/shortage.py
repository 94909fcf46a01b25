"""When memory runs out: how that is known, and how it is given back."""

from __future__ import annotations

import errno
import gc

import torch

_SAID = (
    "out of memory",  # CUDA's pinned memory (cudaErrorMemoryAllocation), MPS
    "can't allocate memory",  # the CPU's allocator (c10/core/impl/alloc_cpu.cpp)
    "not enough memory",  # the same on Windows
    "_status_alloc_failed",  # cuBLAS's and cuDNN's own workspaces
)


def is_shortage(error: BaseException) -> bool:
    """Whether an exception says that RAM or the device's memory is used up.

    Only CUDA's caching allocator has an exception of its own for it.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if isinstance(error, OSError):  # a file that can't be mapped
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(said in str(error).lower() for said in _SAID)


def collect() -> None:
    """Free what nothing refers to any more: hooks and their modules refer to each other."""
    gc.collect()
    free_cache()


def free_cache() -> None:
    """Give the device memory back that torch keeps for later: what comes is of other sizes."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
