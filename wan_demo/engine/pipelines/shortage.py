"""When memory runs out: how that is known, and how it is given back."""

from __future__ import annotations

import errno
import gc
from collections.abc import Iterator

import torch
from safetensors import SafetensorError

_SAID = (
    "out of memory",  # CUDA's pinned memory (cudaErrorMemoryAllocation), MPS
    "can't allocate memory",  # the CPU's allocator (c10/core/impl/alloc_cpu.cpp)
    "not enough memory",  # the same on Windows
    "cannot allocate memory",  # the system's own words, in an error of safetensors
    "bad_alloc",  # C++, by way of torch
    "can't start new thread",  # Python's, for want of room for its stack
    "_status_alloc_failed",  # cuBLAS's and cuDNN's own workspaces
)

LONGEST_STORY = 10


def is_shortage(error: BaseException) -> bool:
    """Whether an exception says that RAM or the device's memory is used up, or comes of one.

    Only CUDA's caching allocator has an exception of its own for it, and diffusers makes an
    OSError of whatever it meets while it reads a file.
    """
    return any(_says_so(one) for one in _story(error))


def _story(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that it came of."""
    cause: BaseException | None = error
    for _ in range(LONGEST_STORY):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__


def _says_so(error: BaseException) -> bool:
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if isinstance(error, OSError):  # a file that can't be mapped
        return error.errno == errno.ENOMEM
    is_told = isinstance(error, RuntimeError | SafetensorError)
    return is_told and any(said in str(error).lower() for said in _SAID)


def collect() -> None:
    """Free what nothing refers to any more: hooks and their modules refer to each other."""
    gc.collect()
    free_cache()


def free_cache() -> None:
    """Give the device memory back that torch keeps for later: what comes is of other sizes."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
