"""Frames to latents and back, through any Wan VAE."""

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
    mean, std = _normal(vae, latents.device)
    raw = (latents.float() * std + mean).to(vae.dtype)
    video = vae.decode(raw, return_dict=False)[0]
    if video.sum().isnan():  # in no more memory; diffusers' VAE leaves no infinity
        raise GenerationFailed("The VAE made no picture but NaN: its weights are damaged.")
    levels = ((video.float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 4, 1).cpu().numpy()


@torch.no_grad()
def encode(vae: Any, frames: Frames, device: torch.device) -> torch.Tensor:
    """The most likely latents of frames (frames, height, width, 3), 4k+1 of them.

    Returns float32 of shape (1, channels, latent frames, latent height, latent width), normalised
    as in ``decode``: the numbers of diffusers' ``WanVideoToVideoPipeline.prepare_latents``.
    """
    found = vae.encode(_video(frames, device).to(vae.dtype)).latent_dist.mode().float()
    mean, std = _normal(vae, found.device)
    return (found - mean) * (1.0 / std)


def _video(frames: Frames, device: torch.device) -> torch.Tensor:
    """Frames from -1 to 1 for a VAE, fp32; in place, as a long clip has room there only once."""
    video = torch.from_numpy(frames).to(device, torch.float32)
    return video.div_(255).mul_(2).sub_(1).permute(3, 0, 1, 2)[None]


def _normal(vae: Any, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and spread of a VAE's latents, by channel."""
    shape = (1, vae.config.z_dim, 1, 1, 1)
    mean, std = vae.config.latents_mean, vae.config.latents_std
    return torch.tensor(mean).view(shape).to(device), torch.tensor(std).view(shape).to(device)
