"""The table of contents of a GGUF file, read with suspicion: the file comes from strangers.

Layout: docs/gguf.md of ggml-org/ggml. Nothing is allocated by a number that the file names before
that number was held against the file's size, and no tensor is read here.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

from wan_demo.engine.pipelines.broken import BrokenFile, plain

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT = 32
"""Bytes that tensors begin at multiples of, unless the file says otherwise."""

LONGEST_HEADER = 16 * 2**20
"""Bytes; those of the published Wan files are under 200 KiB."""
MOST_TENSORS = 2**16
"""The largest published Wan has about 1,300."""
MOST_DIMENSIONS = 5
"""ggml has 4; the patch embedding's kernel has 5, and the published files keep them."""

_SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_UINT32, _STRING, _ARRAY = 4, 8, 9


@dataclass(frozen=True)
class Entry:
    """One tensor: ``shape`` in torch's order, ``offset`` in bytes from the file's start."""

    name: str
    shape: tuple[int, ...]
    kind: GGMLQuantizationType
    offset: int
    size: int
    """Bytes."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself, and its tensors."""

    architecture: str
    tensors: tuple[Entry, ...]


def read_header(path: Path) -> Header:
    """The header of ``path``; raises BrokenFile, with the reason, unless all of it holds."""
    if not path.is_file():  # a pipe would be waited for
        raise BrokenFile("it is missing")
    length = path.stat().st_size
    with path.open("rb") as file:
        cursor = _Cursor(file.read(min(length, LONGEST_HEADER)))
    if cursor.take(4) != MAGIC:
        raise BrokenFile("it is no GGUF file")
    version = cursor.number("<I")
    if version not in VERSIONS:
        raise BrokenFile(f"its GGUF version is {version}, and only 2 and 3 are known")
    tensors, pairs = cursor.number("<Q"), cursor.number("<Q")
    if max(tensors, pairs) > MOST_TENSORS:
        raise BrokenFile("its header promises more than any model has")
    said = dict(_pairs(cursor, pairs))
    alignment = _alignment(said.get("general.alignment", ALIGNMENT))
    infos = [_info(cursor) for _ in range(tensors)]
    start = -(-cursor.at // alignment) * alignment
    entries = tuple(_entry(info, start, length) for info in infos)
    if len({entry.name for entry in entries}) < len(entries):
        raise BrokenFile("it names a tensor twice")
    return Header(str(said.get("general.architecture", "")), entries)


class _Cursor:
    """Bytes that are read in order and never past their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._data):
            raise BrokenFile("it is cut short within its header")
        piece, self.at = self._data[self.at : end], end
        return piece

    def skip(self, count: int) -> None:
        if self.at + count > len(self._data):
            raise BrokenFile("it is cut short within its header")
        self.at += count

    def number(self, form: str) -> int:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self) -> str:
        return self.take(self.number("<Q")).decode("utf-8", "replace")


def _pairs(cursor: _Cursor, count: int) -> Iterator[tuple[str, str | int | None]]:
    """Keys and values; None for values that no one here asks for."""
    for _ in range(count):
        key, kind = cursor.text(), cursor.number("<I")
        if kind == _STRING:
            yield key, cursor.text()
        elif kind == _UINT32:
            yield key, cursor.number("<I")
        else:
            _skip_value(cursor, kind)
            yield key, None


def _skip_value(cursor: _Cursor, kind: int) -> None:
    if kind != _ARRAY:
        cursor.skip(_scalar_bytes(kind))
        return
    inner, count = cursor.number("<I"), cursor.number("<Q")
    if inner == _STRING:
        for _ in range(count):
            cursor.skip(cursor.number("<Q"))
    else:  # arrays of arrays exist on paper only, and could nest without end
        cursor.skip(count * _scalar_bytes(inner))


def _scalar_bytes(kind: int) -> int:
    if kind not in _SCALAR_BYTES:
        raise BrokenFile(f"its header holds a value of an unknown type ({kind})")
    return _SCALAR_BYTES[kind]


def _alignment(value: str | int | None) -> int:
    if not isinstance(value, int) or value < 1 or value & (value - 1):
        raise BrokenFile("its alignment is no power of two")
    return value


_Info = tuple[str, tuple[int, ...], int, int]


def _info(cursor: _Cursor) -> _Info:
    """Name, shape, type and offset as the file has them; ggml names the fastest axis first."""
    name, dimensions = cursor.text(), cursor.number("<I")
    if dimensions > MOST_DIMENSIONS:
        raise BrokenFile(f"its tensor {plain(name)} has {dimensions} dimensions")
    shape = tuple(cursor.number("<Q") for _ in range(dimensions))[::-1]
    return name, shape, cursor.number("<I"), cursor.number("<Q")


def _entry(info: _Info, start: int, length: int) -> Entry:
    name, shape, number, offset = info
    kind = _kind(name, number)
    block, block_bytes = GGML_QUANT_SIZES[kind]
    if block > 1 and (not shape or shape[-1] % block):
        raise BrokenFile(f"its tensor {plain(name)} does not divide into blocks of {block}")
    size = math.prod(shape) // block * block_bytes  # Python's integers do not overflow
    if start + offset + size > length:
        raise BrokenFile(f"it is cut short: {plain(name)} reaches past its end")
    return Entry(name, shape, kind, start + offset, size)


def _kind(name: str, number: int) -> GGMLQuantizationType:
    try:
        return GGMLQuantizationType(number)
    except ValueError:
        raise BrokenFile(f"its tensor {plain(name)} is of an unknown type ({number})") from None
