"""Counts the parameters of every architecture on the meta device and prints the catalogue's table.

``python -m scripts.parameters > wan_demo/catalog/parameters.py``
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKLWan
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    UMT5Config,
    UMT5EncoderModel,
)

from wan_demo.catalog import architectures
from wan_demo.domain.architecture import Architecture, Config

HEAD = '''"""Parameters of each architecture's parts, by ``python -m scripts.parameters``."""

from __future__ import annotations
'''


def count(architecture: Architecture) -> dict[str, int]:
    """Parameters by the folder names of the parts, built on the meta device."""
    with torch.device("meta"):
        return {part: _size(_build(architecture, part)) for part in architecture.parts}


def _build(architecture: Architecture, part: str) -> torch.nn.Module:
    if part == "text_encoder":
        return UMT5EncoderModel(UMT5Config(**architecture.text_encoder))
    if part == "image_encoder":
        return CLIPVisionModelWithProjection(CLIPVisionConfig(**(architecture.image_encoder or {})))
    if part == "vae":
        return AutoencoderKLWan(**_lists(architecture.vae))
    return getattr(diffusers, architecture.transformer_class)(**architecture.transformer)


def _lists(config: Config) -> Mapping[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in config.items()}


def _size(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def main() -> None:
    """Print the module."""
    print(HEAD)
    for name, value in vars(architectures).items():
        if isinstance(value, Architecture):
            lines = "".join(f'    "{part}": {n:_},\n' for part, n in count(value).items())
            print(f"{name} = {{\n{lines}}}")


if __name__ == "__main__":
    main()
