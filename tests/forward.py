"""One pass of a transformer replica on fixed inputs."""

from __future__ import annotations

from typing import Any

import torch

from tests.replicas import IMAGE_TOKENS, IMAGE_WIDTH, TEXT_WIDTH


@torch.no_grad()
def run(transformer: Any) -> torch.Tensor:
    """The predicted flow for noise of seed 1: (1, channels, 2, 4, 4)."""
    config, generator = transformer.config, torch.Generator().manual_seed(1)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    given: dict[str, Any] = {
        "hidden_states": noise(1, config.in_channels, 2, 4, 4),
        "timestep": torch.tensor([700.0]),
        "encoder_hidden_states": noise(1, 6, TEXT_WIDTH),
    }
    if config.get("image_dim"):
        pictures = 2 if config.get("pos_embed_seq_len") else 1
        given["encoder_hidden_states_image"] = noise(pictures, IMAGE_TOKENS, IMAGE_WIDTH)
    if "vace_layers" in config:
        given["control_hidden_states"] = noise(1, config.vace_in_channels, 2, 4, 4)
    return transformer(**given, return_dict=False)[0]


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Length of the difference over the length of ``other``."""
    return float((one - other).norm() / other.norm())
