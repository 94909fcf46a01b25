"""The hand-packed test data is right: the gguf package reads back what was written."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind

from tests import kquants

# Steps that a group's range is divided into, and whether the range starts at zero or is symmetric.
STEPS = {Kind.Q4_K: 15, Kind.Q5_K: 31, Kind.Q6_K: 62}


def weights(seed: int) -> np.ndarray:
    """Rows of very different sizes and offsets, zeros and one-sided ones among them."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(8, 512)).astype(np.float32)
    rows *= np.array([1, 1e-3, 30, 1, 1, 0, 1, 0.02], np.float32)[:, None]
    rows[3] += 5
    rows[4] -= 5
    rows[6, 10] = 40
    return rows


@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("seed", range(3))
def test_numbers_come_back_within_half_a_step(kind, seed):
    numbers = weights(seed)
    packed = kquants.quantize(numbers, kind)
    assert packed.dtype == np.uint8
    back = gguf.dequantize(packed, kind)
    assert back.shape == numbers.shape
    blocks, errors = numbers.reshape(-1, 256), np.abs(back - numbers).reshape(-1, 256)
    if kind is Kind.Q6_K:
        width = 2 * np.abs(blocks).max(axis=1)
    else:
        width = np.maximum(blocks.max(axis=1), 0) - np.minimum(blocks.min(axis=1), 0)
    # Half a step of the widest group; 6 % for scales that are whole parts of the block's own.
    assert (errors.max(axis=1) <= 0.5 * 1.06 * width / STEPS[kind] + 1e-9).all()


@pytest.mark.parametrize(("coarse", "fine"), [(Kind.Q4_K, Kind.Q5_K), (Kind.Q5_K, Kind.Q6_K)])
def test_more_bits_are_closer(coarse, fine):
    numbers = weights(0)[:1]
    error = {
        kind: np.abs(gguf.dequantize(kquants.quantize(numbers, kind), kind) - numbers).mean()
        for kind in (coarse, fine)
    }
    assert error[fine] < 0.7 * error[coarse]
