"""LoRA files in every format that people publish them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.original_names import original

RANK = 4

Pairs = Mapping[str, tuple[torch.Tensor, torch.Tensor]]
"""By diffusers' names of layers: down (rank, input) and up (output, rank)."""

IN_BLOCKS = (
    *("attn1.to_q", "attn1.to_out.0", "attn2.to_k", "attn2.to_v"),
    *("ffn.net.0.proj", "ffn.net.2"),
)


def _wan(layer: str) -> str:
    return original(f"{layer}.weight").removesuffix(".weight")


def _same(layer: str) -> str:
    return layer


def _underscored(layer: str) -> str:
    return _wan(layer).replace(".", "_")


# Prefix, names of layers, and what the two matrices are called.
STYLES: Mapping[str, tuple[str, Callable[[str], str], str, str]] = {
    "diffusers": ("transformer.", _same, "lora_A.weight", "lora_B.weight"),
    "peft": ("base_model.model.", _same, "lora_A.weight", "lora_B.weight"),
    "peft-named": ("base_model.model.", _same, "lora_A.default.weight", "lora_B.default.weight"),
    "comfy": ("diffusion_model.", _wan, "lora_A.weight", "lora_B.weight"),
    "lightx2v": ("diffusion_model.", _wan, "lora_down.weight", "lora_up.weight"),
    "musubi": ("lora_unet_", _underscored, "lora_down.weight", "lora_up.weight"),
    "musubi-dotted": ("lora_unet_", _wan, "lora_down.weight", "lora_up.weight"),
    "bare": ("", _wan, "lora_down.weight", "lora_up.weight"),
    "bare-diffusers": ("", _same, "lora_A.weight", "lora_B.weight"),
}


def matrices(
    transformer: torch.nn.Module,
    seed: int = 0,
    ends: tuple[str, ...] = IN_BLOCKS,
    rank: int = RANK,
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Random pairs for the linear layers whose names end like ``ends``."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: (
            torch.randn(rank, layer.in_features, generator=generator) / layer.in_features**0.5,
            torch.randn(layer.out_features, rank, generator=generator) / rank**0.5,
        )
        for name, layer in transformer.named_modules()
        if isinstance(layer, torch.nn.Linear) and name.endswith(ends)
    }


def write(
    path: Path,
    pairs: Pairs,
    style: str,
    alpha: float | None = None,
    extra: Mapping[str, torch.Tensor] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write ``pairs`` to ``path``; ``extra`` are tensors with their full names."""
    prefix, name, down_name, up_name = STYLES[style]
    state = dict(extra or {})
    for layer, (down, up) in pairs.items():
        state[f"{prefix}{name(layer)}.{down_name}"] = down.contiguous()
        state[f"{prefix}{name(layer)}.{up_name}"] = up.contiguous()
        if alpha is not None:
            state[f"{prefix}{name(layer)}.alpha"] = torch.tensor(alpha)
    save_file({key: one.clone() for key, one in state.items()}, path, metadata)
    return path


def merge(transformer: torch.nn.Module, pairs: Pairs, weight: float) -> None:
    """Add ``weight`` times each pair's product to the layers themselves: what LoRA stands for."""
    with torch.no_grad():
        for layer, (down, up) in pairs.items():
            own = transformer.get_parameter(f"{layer}.weight")
            own += weight * (up @ down)
