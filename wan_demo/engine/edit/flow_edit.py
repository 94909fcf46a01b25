"""FlowEdit: from one prompt to another without going through noise.

Kulikov, Kleiner, Huberman-Spiegelglas and Michaeli, "FlowEdit: Inversion-Free Text-Based Editing
Using Pre-Trained Flow Models", arXiv 2412.08629, Algorithm 1. Names are the paper's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from wan_demo.engine.edit.flow import Flow
from wan_demo.engine.edit.region import hold
from wan_demo.engine.edit.renoise import OnStep, Prompts


@dataclass(frozen=True)
class Extent:
    """How far an edit goes, in steps: of the schedule's steps the last ``n_max`` are taken, and
    the last ``n_min`` of those follow the target alone; ``n_avg`` noises are averaged in each."""

    n_max: int
    n_min: int = 0
    n_avg: int = 1


def flow_edit(
    source: torch.Tensor,
    draw: Callable[[], torch.Tensor],
    scheduler: Any,
    extent: Extent,
    source_flow: Flow,
    source_prompt: torch.Tensor,
    flow: Flow,
    prompts: Prompts,
    mask: torch.Tensor | None = None,
    on_step: OnStep = lambda _index, _latents: None,
) -> torch.Tensor:
    """The edited latents, of the shape of ``source`` (1, channels, frames, height, width).

    ``draw`` gives new noise of that shape. Of the scheduler, whose timesteps are already set, only
    the noise levels are used: the steps are Euler's, as the method has two flows at once.
    ``on_step`` is told the edit without noise: as it is, and in the free steps as it is believed
    to become.
    """
    levels = list(zip(scheduler.sigmas, scheduler.sigmas[1:], scheduler.timesteps, strict=False))
    taken = levels[len(scheduler.timesteps) - extent.n_max :]
    edited = source.clone()
    for index, (sigma, after, timestep) in enumerate(taken[: extent.n_max - extent.n_min]):
        difference = torch.zeros_like(source)
        for _ in range(extent.n_avg):
            noisy = torch.lerp(source, draw(), sigma.to(source))
            wanted = flow(noisy + (edited - source), timestep, prompts(index))
            present = source_flow(noisy, timestep, source_prompt)
            difference += (wanted.to(source.dtype) - present.to(source.dtype)) / extent.n_avg
        edited = hold(edited + (after - sigma).to(source) * difference, source, mask)
        on_step(index, edited)
    if not extent.n_min:
        return edited
    return _finish(edited, source, draw(), taken, extent, flow, prompts, mask, on_step)


def _finish(
    edited: torch.Tensor,
    source: torch.Tensor,
    noise: torch.Tensor,
    taken: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
    extent: Extent,
    flow: Flow,
    prompts: Prompts,
    mask: torch.Tensor | None,
    on_step: OnStep,
) -> torch.Tensor:
    """The last ``n_min`` steps: from the noisy edit down, by the target's flow alone."""
    first = extent.n_max - extent.n_min
    latents = torch.lerp(source, noise, taken[first][0].to(source)) + (edited - source)
    for index, (sigma, after, timestep) in enumerate(taken[first:], start=first):
        seen = flow(latents, timestep, prompts(index)).to(source.dtype)
        latents = latents + (after - sigma).to(source) * seen
        latents = hold(latents, torch.lerp(source, noise, after.to(source)), mask)
        on_step(index, latents - after.to(source) * seen)
    return latents
