"""Latents to frames, through any Wan VAE."""

from __future__ import annotations

from typing import Any

import torch

from wan_demo.domain.events import Frames
from wan_demo.errors import GenerationFailed


@torch.no_grad()
def decode(vae: Any, latents: torch.Tensor) -> Frames:
    """Decode normalised latents (batch, channels, frames, height, width).

    Returns RGB of shape (batch, frames, height, width, 3). Latents are normalised per channel
    by the VAE config's ``latents_mean`` and ``latents_std``, as diffusers' Wan pipelines do.
    Raises GenerationFailed for a VAE whose weights hold NaN.
    """
    shape, device = (1, vae.config.z_dim, 1, 1, 1), latents.device
    mean = torch.tensor(vae.config.latents_mean).view(shape).to(device)
    std = torch.tensor(vae.config.latents_std).view(shape).to(device)
    raw = (latents.float() * std + mean).to(vae.dtype)
    video = vae.decode(raw, return_dict=False)[0]
    if video.sum().isnan():  # in no more memory; diffusers' VAE leaves no infinity
        raise GenerationFailed("The VAE made no picture but NaN: its weights are damaged.")
    levels = ((video.float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 4, 1).cpu().numpy()
