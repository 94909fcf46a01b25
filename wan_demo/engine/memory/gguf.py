"""How large the weights of a GGUF file are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from wan_demo.domain.model import ModelSpec

BITS: Mapping[str, float] = MappingProxyType(
    {
        # By the block formats of ggml (ggml-common.h): bytes of a block x 8 / its weights.
        "Q4_0": 4.5,
        "Q4_1": 5.0,
        "Q5_0": 5.5,
        "Q5_1": 6.0,
        "Q8_0": 8.5,
        "Q2_K": 2.625,
        "Q3_K": 3.4375,
        "Q4_K": 4.5,
        "Q5_K": 5.5,
        "Q6_K": 6.5625,
        "F16": 16.0,
        "BF16": 16.0,
        "F32": 32.0,
    }
)
"""Bits per weight of a tensor of each type."""

# A file's type names what most of it is in. The published files are larger: the _K_M mixtures
# keep sensitive layers a type or two higher, and embeddings and modulations stay in fp16 or fp32.
# Wan2.2-T2V-A14B-HighNoise-Q4_K_M: 9,650,090,496 bytes x 8 / 14,288,491,584 = 5.40 bits, 0.90 over
# Q4_K (VACE-14B's: 5.37). I2V-A14B Q8_0: 15,406,608,896 x 8 / 14,288,901,184 = 8.63, 0.13 over
# Q8_0.
MIXTURE_BITS = 0.9
PLAIN_BITS = 0.13

_TYPE = re.compile(r"[-_.]((?:Q\d_(?:K|\d))|BF16|F16|F32)(_[SML])?\.gguf$", re.IGNORECASE)


def bits_per_weight(spec: ModelSpec, part: str = "transformer") -> float | None:
    """Mean bits per weight of a part that comes from a GGUF file; None where it does not.

    What the spec says of the file counts, then its name; one that does not tell its type is
    reckoned as Q8_0.
    """
    file = spec.weights.file_of(part)
    if file is None or not file.lower().endswith(".gguf"):
        return None
    return spec.weights.bits.get(part) or bits_by_name(file)


def bits_by_name(file: str) -> float:
    """Mean bits per weight of a GGUF file by the type in its name."""
    found = _TYPE.search(file)
    if found is None:
        return BITS["Q8_0"] + PLAIN_BITS
    kind, mixture = found[1].upper(), (found[2] or "").upper()
    return BITS[kind] + (MIXTURE_BITS if mixture in ("_M", "_L") else PLAIN_BITS)
