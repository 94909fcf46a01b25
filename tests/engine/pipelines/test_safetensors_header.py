"""Files that should be safetensors; no torch."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from wan_demo.engine.pipelines.broken import BrokenFile
from wan_demo.engine.pipelines.safetensors_header import LONGEST_HEADER, check


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "file.safetensors"


def with_header(header: object, data: bytes = bytes(16)) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(shape: object, begin: object, end: object) -> dict[str, object]:
    return {"a": {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}}


def test_a_whole_file_tells_its_shapes(path):
    save_file({"a": np.zeros((2, 3), np.float32), "b": np.zeros(4)}, path, {"some": "words"})
    assert check(path) == {"a": (2, 3), "b": (4,)}


BAD = {
    "empty": (b"", "empty"),
    "short": (b"abc", "cut short"),
    "plain pickle": (pickle.dumps({"a": 1}, protocol=4), "pickle"),
    "no table": (with_header([1, 2]), "no table"),
    "no shape": (with_header({"a": {}}), "no table"),
    "odd shape": (with_header(entry("xy", 0, 4)), "no table"),
    "offsets backwards": (with_header(entry([1], 4, 0)), "no table"),
    "negative side": (with_header(entry([-1], 0, 4)), "no table"),
    "past the end": (with_header(entry([1 << 60], 0, 1 << 62)), "cut short"),
    "dimensions without end": (with_header(entry([2] * 10**5, 0, 4)), "no table"),
    "more numbers than bytes": (with_header(entry([1 << 60], 0, 4)), "no table"),
    "offsets that are none": (with_header(entry([1], float("nan"), 4)), "no table"),
    "a header without end": (
        struct.pack("<Q", LONGEST_HEADER + 1) + bytes(LONGEST_HEADER + 1),
        "too long a header",
    ),
    "no JSON": (struct.pack("<Q", 8) + b"nonsense", "no JSON"),
    "nested JSON": (struct.pack("<Q", 200_000) + b"[" * 200_000, "no JSON"),
    "a promise": (struct.pack("<Q", 2**62) + bytes(100), "cut short"),
}


@pytest.mark.parametrize(("data", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused(path, data, reason):
    path.write_bytes(data)
    with pytest.raises(BrokenFile) as caught:
        check(path)
    assert reason in str(caught.value)


def test_an_archive_of_pickles_is_one(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps([]))
    with pytest.raises(BrokenFile, match="pickle"):
        check(path)


@pytest.mark.parametrize("suffix", [".bin", ".pt", ".pth", ".ckpt", ".PKL"])
def test_a_pickle_is_refused_by_its_name(tmp_path, suffix):
    save_file({"a": np.zeros(1)}, tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / f"a{suffix}")
    with pytest.raises(BrokenFile, match="pickle"):
        check(tmp_path / f"a{suffix}")


def test_a_cut_file_is_refused(path):
    save_file({"a": np.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenFile, match="cut short"):
        check(path)


def test_a_missing_file_is_refused(path):
    with pytest.raises(BrokenFile, match="missing"):
        check(path)
