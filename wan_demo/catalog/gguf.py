"""Quantized transformers as GGUF files over the official folders' other parts.

File names: the repos of QuantStack and city96. Base repos are those that diffusers' single-file
loader needs a config from.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType

from wan_demo.catalog import wan21, wan22
from wan_demo.catalog.common import without_weights
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.source import Source

# Bits of a number, the blocks' scales among them: ggml's block sizes (ggml/src/ggml-common.h),
# and for the mixtures what the published files come to.
BITS = {"Q4_K_M": 5.4, "Q5_K_M": 6.1, "Q8_0": 8.6}
QUANTIZATIONS = tuple(BITS)

_T2V_A14B = "73eafba53a1a8f29254e4c77f92e74ea27d7cd6f"
_I2V_A14B = "6c6717459277b9cd1f72579d78a0fd62a79e57dc"


def bits_of(name: str) -> float | None:
    """Bits of a number in a transformer's file, by the file's name; None where it says nothing.

    Types that the catalogue has no file of are reckoned like its mixtures: 0.9 on top.
    """
    said = re.search(r"[-_.]Q(\d)_\w+\.gguf$", name, re.IGNORECASE)
    if said is None:
        return None
    known = [bits for kind, bits in BITS.items() if kind.lower() in name.lower()]
    return known[0] if known else int(said[1]) + 0.9


def _quantized(
    base: ModelSpec, quantization: str, files: dict[str, Source], is_verified: bool
) -> ModelSpec:
    short = quantization.split("_")[0]
    suffix = "" if quantization == QUANTIZATIONS[0] else f"-{short.lower()}"
    weights = replace(
        base.weights,
        base=without_weights(base, tuple(files)),
        replaced=MappingProxyType(files),
        bits=MappingProxyType({**base.weights.bits, **dict.fromkeys(files, BITS[quantization])}),
        is_verified=is_verified,
    )
    return replace(
        base,
        id=f"{base.id}-gguf{suffix}",
        title=f"{base.title} GGUF {short}",
        summary=f"{base.summary.rstrip('.')}, quantized to {short[1:]} bits for small GPUs.",
        weights=weights,
    )


def _vace(quantization: str) -> ModelSpec:
    file = Source(
        "QuantStack/Wan2.1_14B_VACE-GGUF", patterns=(f"Wan2.1_14B_VACE-{quantization}.gguf",)
    )
    return _quantized(wan21.VACE_14B, quantization, {"transformer": file}, is_verified=False)


def _t2v(quantization: str) -> ModelSpec:
    file = Source("city96/Wan2.1-T2V-14B-gguf", patterns=(f"wan2.1-t2v-14b-{quantization}.gguf",))
    return _quantized(wan21.T2V_14B, quantization, {"transformer": file}, is_verified=False)


def _a14b(base: ModelSpec, repo: str, commit: str, quantization: str) -> ModelSpec:
    name = repo.split("/")[1].removesuffix("-GGUF")
    files = {
        part: Source(repo, commit, (f"{side}/{name}-{side}-{quantization}.gguf",))
        for part, side in (("transformer", "HighNoise"), ("transformer_2", "LowNoise"))
    }
    return _quantized(base, quantization, files, is_verified=True)


MODELS = tuple(
    spec
    for quantization in QUANTIZATIONS
    for spec in (
        _vace(quantization),
        _t2v(quantization),
        _a14b(wan22.T2V_A14B, "QuantStack/Wan2.2-T2V-A14B-GGUF", _T2V_A14B, quantization),
        _a14b(wan22.I2V_A14B, "QuantStack/Wan2.2-I2V-A14B-GGUF", _I2V_A14B, quantization),
    )
)
