"""Noise on a clip and off again by another prompt (SDEdit, Meng et al., arXiv 2108.01073)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from wan_demo.engine.edit.flow import Flow
from wan_demo.engine.edit.region import hold

Prompts = Callable[[int], torch.Tensor]
"""The prompt's embeddings for a step, from 0: it may change on the way."""

OnStep = Callable[[int, torch.Tensor], None]
"""Told after each step, from 0: the latents as they are."""


def renoise(
    source: torch.Tensor,
    noise: torch.Tensor,
    scheduler: Any,
    steps: int,
    flow: Flow,
    prompts: Prompts,
    mask: torch.Tensor | None = None,
    on_step: OnStep = lambda _index, _latents: None,
) -> torch.Tensor:
    """The clip after the last ``steps`` of the scheduler's timesteps, which are already set.

    ``source`` and ``noise`` are latents (1, channels, frames, height, width). Without a mask these
    are the numbers of diffusers' ``WanVideoToVideoPipeline``.
    """
    timesteps = scheduler.timesteps[len(scheduler.timesteps) - steps :]
    add_noise = getattr(scheduler, "add_noise", None)
    if add_noise is not None:
        latents = add_noise(source, noise, timesteps[:1])
    else:
        latents = scheduler.scale_noise(source, timesteps[:1], noise)
    for index, timestep in enumerate(timesteps):
        seen = flow(latents, timestep, prompts(index))
        latents = scheduler.step(seen, timestep, latents, return_dict=False)[0]
        if mask is not None:
            sigma = scheduler.sigmas[scheduler.step_index].to(latents)
            latents = hold(latents, torch.lerp(source, noise, sigma), mask)
        on_step(index, latents)
    return latents
