"""The part of a clip that is edited, as the latents see it."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from wan_demo.domain.events import Mask
from wan_demo.domain.windows import latent_frames


def latent_mask(mask: Mask, like: torch.Tensor) -> torch.Tensor:
    """A mask of pixels (frames, height, width), 255 where the clip is edited, for latents.

    Returns 0 and 1 of shape (1, 1, latent frames, latent height, latent width). A latent is edited
    where any of its pixels is: those of a causal VAE stand for one frame first, then for four.
    """
    frames, _, _ = mask.shape
    marked = torch.from_numpy((mask >= 128).astype(np.float32))
    small = functional.adaptive_max_pool2d(marked.unsqueeze(1), like.shape[-2:])[:, 0]
    groups = [small[:1], *small[1:].split(4)]
    found = torch.stack([group.amax(0) for group in groups[: latent_frames(frames)]])
    return found.to(like).view(1, 1, *found.shape)


def hold(latents: torch.Tensor, source: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """``latents`` inside the mask, ``source`` (at the same noise) outside (Avrahami et al., Blended
    Latent Diffusion, arXiv 2206.02779, section 4.1)."""
    return latents if mask is None else mask * latents + (1 - mask) * source
