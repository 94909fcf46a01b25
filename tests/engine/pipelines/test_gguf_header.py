"""GGUF headers, honest and hostile ones; no torch."""

from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind

from wan_demo.engine.pipelines.broken import BrokenFile
from wan_demo.engine.pipelines.gguf_header import LONGEST_HEADER, read_header

HUGE = 2**63


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def tensor(name: str, shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    sides = struct.pack(f"<{len(shape)}Q", *shape)
    return text(name) + struct.pack("<I", len(shape)) + sides + struct.pack("<IQ", kind, offset)


def header(
    *tensors: bytes,
    pairs: tuple[bytes, ...] = (),
    counts: tuple[int, int] | None = None,
    magic: bytes = b"GGUF",
    version: int = 3,
) -> bytes:
    told = counts or (len(tensors), len(pairs))
    return magic + struct.pack("<IQQ", version, *told) + b"".join(pairs) + b"".join(tensors)


ARCHITECTURE = pair("general.architecture", 8, text("wan"))
SOUND = tensor("a", (8, 4))
ARRAY = pair("many", 9, struct.pack("<IQ", 4, 3) + bytes(12))
WORDS = pair("words", 9, struct.pack("<IQ", 8, 2) + text("one") + text("two"))


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "file.gguf"


def test_the_gguf_packages_own_files_are_read_alike(path):
    writer = gguf.GGUFWriter(path, "wan")
    writer.add_array("some.words", ["a", "b"])
    writer.add_array("some.numbers", [1, 2, 3])
    writer.add_float32("some.number", 1.5)
    rng = np.random.default_rng(0)
    for name, shape, kind in (
        ("a", (32, 64), Kind.Q8_0),
        ("b", (3,), Kind.F32),
        ("c", (32, 16, 1, 2, 2), Kind.F16),
    ):
        numbers = rng.normal(size=shape).astype(np.float32)
        writer.add_tensor(name, gguf.quantize(numbers, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    ours = read_header(path)
    assert ours.architecture == "wan"
    theirs = gguf.GGUFReader(path).tensors
    assert [(e.name, e.kind, e.offset, e.size) for e in ours.tensors] == [
        (t.name, t.tensor_type, t.data_offset, t.n_bytes) for t in theirs
    ]
    assert [e.shape for e in ours.tensors] == [(32, 64), (3,), (32, 16, 1, 2, 2)]


def test_values_that_no_one_asks_for_are_skipped(path):
    path.write_bytes(header(SOUND, pairs=(ARRAY, WORDS, ARCHITECTURE)) + bytes(512))
    assert read_header(path).architecture == "wan"


def test_the_alignment_is_the_files_own(path):
    pairs = (ARCHITECTURE, pair("general.alignment", 4, struct.pack("<I", 256)))
    path.write_bytes(header(SOUND, pairs=pairs) + bytes(1024))
    assert read_header(path).tensors[0].offset == 256


DEEP = pair("deep", 9, struct.pack("<IQ", 9, 1) * 1000)
BAD = {
    "empty": (b"", "cut short"),
    "another format": (header(SOUND, magic=b"GGML"), "no GGUF file"),
    "another version": (header(SOUND, version=1), "version is 1"),
    "big endian": (header(SOUND, version=3 << 24), "version is"),
    "no tensors where promised": (header(counts=(60_000, 0)), "cut short within"),
    "huge tensor count": (header(SOUND, counts=(HUGE, 0)), "promises more"),
    "huge pair count": (header(SOUND, counts=(1, HUGE)), "promises more"),
    "huge text": (header(pairs=(struct.pack("<Q", HUGE),), counts=(0, 1)), "cut short within"),
    "huge array": (
        header(pairs=(pair("x", 9, struct.pack("<IQ", 4, HUGE)),), counts=(0, 1)),
        "cut short within",
    ),
    "huge array of texts": (
        header(pairs=(pair("x", 9, struct.pack("<IQ", 8, HUGE)),), counts=(0, 1)),
        "cut short within",
    ),
    "arrays in arrays": (header(pairs=(DEEP,)), "unknown type (9)"),
    "unknown value": (header(pairs=(pair("x", 99, b""),)), "unknown type (99)"),
    "unknown tensor type": (header(tensor("a", (8,), kind=77)), "unknown type (77)"),
    "retired tensor type": (header(tensor("a", (8,), kind=4)), "unknown type (4)"),
    "many dimensions": (header(tensor("a", (1,) * 6)), "6 dimensions"),
    "dimensions without end": (header(text("a") + struct.pack("<I", 2**31)), "dimensions"),
    "sides that overflow": (header(tensor("a", (2**32, 2**32))), "reaches past its end"),
    "one huge side": (header(tensor("a", (HUGE,))), "reaches past its end"),
    "an offset past the end": (header(tensor("a", (8,), offset=HUGE)), "reaches past its end"),
    "a block cut through": (header(tensor("a", (33,), kind=8)), "blocks of 32"),
    "a block without sides": (header(tensor("a", (), kind=8)), "blocks of 32"),
    "a name twice": (header(SOUND, SOUND), "twice"),
    "no alignment": (
        header(SOUND, pairs=(pair("general.alignment", 4, struct.pack("<I", 0)),)),
        "power of two",
    ),
}


@pytest.mark.parametrize(("data", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_header_is_refused_and_allocates_nothing(path, data, reason):
    path.write_bytes(data + bytes(0 if not data else 256))
    tracemalloc.start()
    try:
        with pytest.raises(BrokenFile) as caught:
            read_header(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reason in str(caught.value)
    assert peak < 2**20


def test_what_would_be_waited_for_is_no_file(path):
    os.mkfifo(path)
    with pytest.raises(BrokenFile, match="missing"):
        read_header(path)


def test_a_header_without_end_is_not_read_to_the_end(path):
    with path.open("wb") as file:
        file.write(header(counts=(60_000, 0)))
        file.truncate(4 * LONGEST_HEADER)  # zeros: tensors without names, as far as one looks
    with pytest.raises(BrokenFile):
        read_header(path)


@pytest.mark.parametrize("left", range(0, 90, 7))
def test_a_file_cut_anywhere_is_refused(path, left):
    whole = header(SOUND, pairs=(ARCHITECTURE,)) + bytes(160)
    path.write_bytes(whole)
    read_header(path)
    path.write_bytes(whole[: min(left, len(whole) - 1)])
    with pytest.raises(BrokenFile):
        read_header(path)


def test_a_strangers_names_are_made_plain(path):
    path.write_bytes(header(tensor("\x1b[31m<b>" + "x" * 500, (HUGE,))))
    with pytest.raises(BrokenFile) as caught:
        read_header(path)
    assert "<" not in str(caught.value)
    assert len(str(caught.value)) < 150
