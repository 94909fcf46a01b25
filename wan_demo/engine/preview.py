"""Rough frames from the middle of a denoising run: what the model now believes is coming."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from wan_demo.domain.architecture import LatentColors
from wan_demo.domain.events import Frames
from wan_demo.engine.latents import decode

EVERY_STEPS = 3
"""A preview after the first step and after each of so many."""

MAX_FRAMES = 5


class CleanLatents:
    """Listens to a scheduler's ``step`` and keeps the clean latents that it predicts.

    For flow matching ``x_t = (1 - sigma) x_0 + sigma noise`` and the model predicts
    ``noise - x_0`` (Lipman et al., arXiv 2210.02747), hence ``x_0 = x_t - sigma * prediction``.

    The first ``given`` latent frames are left out: diffusers puts an image's latents in at the
    model's input and after the last step only, so that what the scheduler sees there is noise.
    """

    def __init__(self, scheduler: Any, given: int = 0) -> None:
        self.latest: torch.Tensor | None = None
        self._given = given
        self._scheduler = scheduler
        self._step = scheduler.step
        scheduler.step = self._listen

    def _listen(
        self, model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, **options: Any
    ) -> Any:
        result = self._step(model_output, timestep, sample, **options)
        index = self._scheduler.step_index - 1
        sigma = self._scheduler.sigmas[index].to(sample.device, sample.dtype)
        self.latest = (sample - sigma * model_output)[:, :, self._given :]
        return result


def is_due(index: int, total: int) -> bool:
    """Whether step ``index`` (from 1) of ``total`` gets a preview; the last one never does."""
    return index < total and (index == 1 or index % EVERY_STEPS == 0)


def render(
    latents: torch.Tensor, size: tuple[int, int], vae: Any, colors: LatentColors | None = None
) -> Frames:
    """Up to MAX_FRAMES pictures of a clip's latents, evenly spread, at ``size`` (width, height).

    ``latents``: (1, channels, frames, height, width), normalised. They are drawn by ``colors``,
    or else decoded by the VAE one by one, each as if it were a clip's first frame: that costs a
    small part of the clip, and leaves out the motion between latent frames.
    """
    count = latents.shape[2]
    chosen = torch.linspace(0, count - 1, min(count, MAX_FRAMES)).round().long()
    singles = latents[0, :, chosen].transpose(0, 1)
    if colors is None:
        return decode(vae, singles.unsqueeze(2))[:, 0]
    return draw(singles, size, colors)


def draw(latents: torch.Tensor, size: tuple[int, int], colors: LatentColors) -> Frames:
    """Latents (frames, channels, height, width) through ``colors``, enlarged smoothly to ``size``.

    As ``Latent2RGBPreviewer`` of ComfyUI's ``latent_preview.py`` does, besides the enlarging.
    """
    factors = torch.tensor(colors.factors, device=latents.device)
    bias = torch.tensor(colors.bias, device=latents.device).view(1, 3, 1, 1)
    rgb = torch.einsum("fchw,cr->frhw", latents.float(), factors) + bias
    width, height = size
    large = functional.interpolate(rgb, (height, width), mode="bicubic")
    levels = ((large / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).cpu().numpy()
