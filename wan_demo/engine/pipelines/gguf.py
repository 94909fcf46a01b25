"""GGUF files as tensors over the file itself: nothing is copied until it is computed with.

diffusers' own reader copies every tensor into memory (``load_gguf_checkpoint``), which for a
quantized 14B model is 10 GB that the system's page cache holds a second time, and trusts the
header. Here the file is mapped, so that memory which is short takes the pages back, and the header
is checked first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.quantizers.gguf.utils import SUPPORTED_GGUF_QUANT_TYPES, GGUFParameter
from gguf import GGMLQuantizationType as Kind
from gguf.quants import quant_shape_to_byte_shape

from wan_demo.engine.pipelines.broken import BrokenFile, plain
from wan_demo.engine.pipelines.gguf_header import Entry, Header, read_header

ARCHITECTURE = "wan"
"""``general.architecture`` of every published Wan file (city96's and QuantStack's)."""

_PLAIN = {Kind.F32: torch.float32, Kind.F16: torch.float16, Kind.BF16: torch.bfloat16}
"""Kinds that torch computes with as they are."""


def read_gguf(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file by its own names, mapped; quantized ones as diffusers' parameters.

    Raises BrokenFile for a file that is damaged, of another architecture, or of a quantization
    that diffusers can't compute with.
    """
    header = check_gguf(path)
    # Copy on write: torch wants to be able to write, and the file must stay as it is.
    data = np.memmap(path, np.uint8, mode="c")
    return {entry.name: _tensor(entry, data) for entry in header.tensors}


def check_gguf(path: Path) -> Header:
    """The header of a Wan's file; raises BrokenFile for any other."""
    header = read_header(path)
    if header.architecture != ARCHITECTURE:
        named = plain(header.architecture) or "unnamed"
        raise BrokenFile(f"it is a model of the kind {named} and not a Wan")
    return header


def _tensor(entry: Entry, data: np.memmap) -> torch.Tensor:
    piece = torch.from_numpy(data[entry.offset : entry.offset + entry.size])
    if entry.kind in _PLAIN:
        return piece.view(_PLAIN[entry.kind]).reshape(entry.shape)
    if entry.kind not in SUPPORTED_GGUF_QUANT_TYPES:
        raise BrokenFile(
            f"it is quantized to {entry.kind.name}, which diffusers can't compute with"
        )
    stored = piece.reshape(quant_shape_to_byte_shape(entry.shape, entry.kind))
    parameter: Any = GGUFParameter  # its __new__ takes more than pyright reads
    return parameter(stored, quant_type=entry.kind)
