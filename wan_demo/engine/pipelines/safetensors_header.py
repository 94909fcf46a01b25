"""Whether a file is whole safetensors, before a library is let at it.

Layout: the README of huggingface/safetensors: eight bytes of length, that many bytes of JSON with
a name, dtype, shape and byte range for each tensor, then the bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from wan_demo.engine.pipelines.broken import BrokenFile

LONGEST_HEADER = 16 * 2**20
"""Bytes. Of Wan's own under 1 MB, and some trainers add what they know of their pictures. Python
makes 20 times as much of some texts."""

MOST_DIMENSIONS = 8
NUMBERS_A_BYTE = 2
"""Of the narrowest type, F4."""

SUFFIX = ".safetensors"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")

# A zip archive (torch.save since 1.6), and the protocols 2 to 5 of plain pickle.
_PICKLE_STARTS = (b"PK\x03\x04", *(bytes((0x80, protocol)) for protocol in range(2, 6)))


def check(path: Path) -> Mapping[str, tuple[int, ...]]:
    """The shapes of a file's tensors by name; raises BrokenFile, which begins with "it "."""
    if path.suffix.lower() in _PICKLES:
        raise BrokenFile(
            "it is a pickle, which can run code of its own, and only safetensors files are read"
        )
    if path.suffix.lower() != SUFFIX:
        raise BrokenFile(f"it is no {SUFFIX} file")
    if not path.is_file():
        raise BrokenFile("it is missing")
    length = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        _check_start(start, length)
        size = struct.unpack("<Q", start)[0]
        header = _parse(file.read(size))
    data = length - 8 - size
    return {name: _shape(entry, data) for name, entry in header.items() if name != "__metadata__"}


def _check_start(start: bytes, length: int) -> None:
    if length == 0:
        raise BrokenFile("it is empty")
    if start.startswith(_PICKLE_STARTS):
        raise BrokenFile("it is a pickle, which can run code of its own, under another name")
    if len(start) < 8 or length < 8 + struct.unpack("<Q", start)[0]:
        raise BrokenFile("it is cut short, or no safetensors file")
    if struct.unpack("<Q", start)[0] > LONGEST_HEADER:
        raise BrokenFile("it has too long a header")


def _parse(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise BrokenFile("it has a header that is no JSON") from None
    if not isinstance(header, dict):
        raise BrokenFile("it has a header that is no table of tensors")
    return header


def _shape(entry: Any, data: int) -> tuple[int, ...]:
    """The shape of one tensor, whose bytes lie within the ``data`` bytes after the header."""
    try:
        shape, (begin, end) = tuple(entry["shape"]), entry["data_offsets"]
        fits = (
            0 <= begin <= end
            and len(shape) <= MOST_DIMENSIONS
            and all(isinstance(side, int) and side >= 0 for side in shape)
            and prod(shape) <= NUMBERS_A_BYTE * (end - begin)
        )
    except (TypeError, KeyError, ValueError):
        raise BrokenFile("it has a header that is no table of tensors") from None
    if not fits:
        raise BrokenFile("it has a header that is no table of tensors")
    if end > data:
        raise BrokenFile("it is cut short")
    return shape
