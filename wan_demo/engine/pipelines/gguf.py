"""Transformers from one file: GGUF, or safetensors in Wan's own key names."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from diffusers import GGUFQuantizationConfig

from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.model import ModelSpec


def single_file(spec: ModelSpec, part: str, files: Checkpoint, dtype: torch.dtype) -> Any:
    """The transformer ``part`` from its file, computing in ``dtype``.

    The config is always the base folder's: by the shapes alone diffusers takes every Wan but
    Wan2.1's text-to-video for "wan-i2v-14B" (``loaders/single_file_utils.py``).
    """
    path = files.replaced[part]
    builder = getattr(diffusers, spec.architecture.transformer_class)
    options: dict[str, Any] = {"config": str(files.folder), "subfolder": part, "torch_dtype": dtype}
    if path.suffix == ".gguf":
        options["quantization_config"] = GGUFQuantizationConfig(compute_dtype=dtype)
    return builder.from_single_file(str(path), **options)
