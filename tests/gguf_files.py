"""GGUF files as people publish them, written from a transformer's own weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind
from numpy.typing import NDArray

from tests import kquants
from tests.original_names import original

KINDS = (Kind.F16, Kind.Q8_0, Kind.Q5_0, Kind.Q4_0, Kind.Q4_K, Kind.Q5_K, Kind.Q6_K)

# What llama.cpp's quantizer takes instead where a row is no multiple of 256 numbers
# (llama_tensor_get_type in src/llama-quant.cpp), and F16 where it is none of 32 either.
_INSTEAD = {Kind.Q4_K: Kind.Q5_0, Kind.Q5_K: Kind.Q5_1, Kind.Q6_K: Kind.Q8_0}
_BY_HAND = frozenset(_INSTEAD)

Array = NDArray[Any]


def write(
    path: Path,
    weights: Mapping[str, Any],
    kind: Kind,
    *,
    architecture: str = "wan",
    name: Callable[[str], str] = original,
) -> dict[str, Array]:
    """Write tensors of diffusers' names to ``path``, their matrices as ``kind``, the rest in F32.

    Gives back the numbers that the file holds, by the names that came in, as the gguf package's
    own dequantizer reads them.
    """
    writer, held = gguf.GGUFWriter(path, architecture), {}
    is_mixture = kind in _BY_HAND  # by llama.cpp's quantizer, the only one that writes these
    for key, tensor in weights.items():
        numbers = np.ascontiguousarray(tensor.float().numpy())
        chosen = choose(key, numbers, kind)
        data = quantize(numbers, chosen)
        writer.add_tensor(name(key), _as_llama_cpp(data) if is_mixture else data, raw_dtype=chosen)
        held[key] = gguf.dequantize(data, chosen).reshape(numbers.shape)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return held


def choose(key: str, numbers: Array, kind: Kind) -> Kind:
    """Matrices are quantized where their rows divide; norms, biases and modulation stay F32."""
    if numbers.ndim != 2 or not key.endswith(".weight"):
        return Kind.F32
    if _divides(numbers, kind):
        return kind
    instead = _INSTEAD.get(kind, Kind.F16)
    return instead if _divides(numbers, instead) else Kind.F16


def quantize(numbers: Array, kind: Kind) -> Array:
    """By the gguf package, and by hand what it can't."""
    if kind in _BY_HAND:
        return kquants.quantize(numbers, kind)
    return gguf.quantize(numbers, kind)


def _as_llama_cpp(data: Array) -> Array:
    """Without sides of 1 at the end of ggml's order (ggml_n_dims), but for the kernels of 5."""
    while 1 < data.ndim < 5 and data.shape[0] == 1:
        data = data[0]
    return data


def _divides(numbers: Array, kind: Kind) -> bool:
    return numbers.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0] == 0
