"""Rough frames from the middle of a denoising run: what the model now believes is coming."""

from __future__ import annotations

from typing import Any

import torch

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


def render(vae: Any, latents: torch.Tensor) -> Frames:
    """Decode up to MAX_FRAMES latent frames one by one, each as if it were a clip's first.

    ``latents``: (1, channels, frames, height, width), normalised. A first frame decodes alone,
    so this costs a small part of the clip; the motion between latent frames is left out.
    """
    count = latents.shape[2]
    chosen = torch.linspace(0, count - 1, min(count, MAX_FRAMES)).round().long()
    singles = latents[0, :, chosen].transpose(0, 1).unsqueeze(2)
    return decode(vae, singles)[:, 0]
