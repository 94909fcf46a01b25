"""K-quants packed by hand: most published GGUF files hold them, and no Python package writes them.

Layouts: block_q4_K, block_q5_K and block_q6_K of ggml/src/ggml-common.h in ggml-org/llama.cpp. The
choice of scales is our own and plain: each group's range is covered, so that a number is at most
half a step off (``tests/test_kquants.py`` holds that against the gguf package's dequantizer).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType as Kind
from numpy.typing import NDArray

Floats = NDArray[Any]  # numpy's stubs call the sum of two bytes an integer of any width
Bytes = NDArray[Any]

BLOCK = 256
"""Numbers that share one pair of half-precision scales."""


def quantize(numbers: Floats, kind: Kind) -> Bytes:
    """Rows of a multiple of 256 numbers as rows of bytes; ``kind`` is Q4_K, Q5_K or Q6_K."""
    blocks = numbers.astype(np.float32).reshape(-1, BLOCK)
    packed = _PACKERS[kind](blocks)
    return packed.reshape(*numbers.shape[:-1], -1)


def _q4(blocks: Floats) -> Bytes:
    """d, dmin, 12 bytes of scales, and nibbles: 32 low ones, then the 32 high ones beside them."""
    head, levels = _scales_and_levels(blocks, highest=15)
    return np.concatenate([head, _nibbles(levels, 32)], axis=1)


def _q5(blocks: Floats) -> Bytes:
    """As Q4_K, with the fifth bits before the nibbles: bit i of byte j is group i's number j."""
    head, levels = _scales_and_levels(blocks, highest=31)
    groups = levels.reshape(-1, 8, 32)
    fifth = np.bitwise_or.reduce((groups >> 4) << _column(range(8)), axis=1)
    return np.concatenate([head, fifth.astype(np.uint8), _nibbles(levels & 15, 32)], axis=1)


def _q6(blocks: Floats) -> Bytes:
    """Nibbles, pairs of upper bits, 16 signed scales, d; numbers are d * scale * (level - 32)."""
    groups = blocks.reshape(-1, 16, 16)
    wanted = np.abs(groups).max(axis=2) / 31
    d = _half_upwards(wanted.max(axis=1, keepdims=True) / 127)
    scales = _whole_upwards(wanted, d, 127)
    step = (d * scales)[:, :, None]
    levels = (_rounded(groups, step, -32, 31) + 32).astype(np.uint8).reshape(-1, BLOCK)
    upper = (levels >> 4).reshape(-1, 2, 4, 32) << _column((0, 2, 4, 6))
    pairs = np.bitwise_or.reduce(upper, axis=2).reshape(-1, 64)
    halves = d.astype(np.float16).view(np.uint8)
    return np.concatenate([_nibbles(levels & 15, 64), pairs, scales.astype(np.uint8), halves], 1)


def _scales_and_levels(blocks: Floats, highest: int) -> tuple[Bytes, Bytes]:
    """The 16 bytes before a block's numbers, and the numbers as ``(x + min) / scale``."""
    groups = blocks.reshape(-1, 8, 32)
    below = np.maximum(-groups.min(axis=2), 0)
    dmin = _half_upwards(below.max(axis=1, keepdims=True) / 63)
    mins = _whole_upwards(below, dmin, 63)
    wanted = np.maximum(groups.max(axis=2) + dmin * mins, 0) / highest
    d = _half_upwards(wanted.max(axis=1, keepdims=True) / 63)
    scales = _whole_upwards(wanted, d, 63)
    shifted = groups + (dmin * mins)[:, :, None]
    levels = _rounded(shifted, (d * scales)[:, :, None], 0, highest)
    halves = np.concatenate([d, dmin], axis=1).astype(np.float16).view(np.uint8)
    head = np.concatenate([halves, _six_bits(scales, mins)], axis=1)
    return head, levels.astype(np.uint8).reshape(-1, BLOCK)


def _six_bits(scales: Floats, mins: Floats) -> Bytes:
    """Eight scales and eight minima of six bits in twelve bytes (``get_scale_min_k4``)."""
    scale, low = scales.astype(np.uint8), mins.astype(np.uint8)
    first, second = slice(0, 4), slice(4, 8)
    return np.concatenate(
        [
            scale[:, first] | (scale[:, second] >> 4) << 6,
            low[:, first] | (low[:, second] >> 4) << 6,
            (scale[:, second] & 15) | (low[:, second] & 15) << 4,
        ],
        axis=1,
    )


def _nibbles(levels: Bytes, run: int) -> Bytes:
    """Two runs of ``run`` numbers share as many bytes."""
    pairs = levels.reshape(-1, BLOCK // (2 * run), 2, run)
    return (pairs[:, :, 0] | pairs[:, :, 1] << 4).reshape(-1, BLOCK // 2)


def _half_upwards(numbers: Floats) -> Floats:
    """As half precision stores them, never less: a scale that is too small would clip."""
    half = numbers.astype(np.float16)
    up = np.where(half < numbers, np.nextafter(half, np.float16(np.inf)), half)
    return up.astype(np.float32)


def _whole_upwards(numbers: Floats, unit: Floats, highest: int) -> Floats:
    """``numbers`` in whole units, rounded up; 0 where the unit is."""
    safe = np.where(unit == 0, 1, unit)
    return np.clip(np.ceil(numbers / safe), 0, highest).astype(np.float32)


def _rounded(numbers: Floats, step: Floats, lowest: int, highest: int) -> Floats:
    safe = np.where(step == 0, 1, step)
    return np.clip(np.rint(numbers / safe), lowest, highest)


def _column(shifts: range | tuple[int, ...]) -> Bytes:
    return np.array(list(shifts), np.uint8)[:, None]


_PACKERS: dict[Kind, Callable[[Floats], Bytes]] = {
    Kind.Q4_K: _q4,
    Kind.Q5_K: _q5,
    Kind.Q6_K: _q6,
}
