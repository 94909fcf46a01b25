"""What a Wan model says about noisy latents: guidance, two experts, windows over long clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from wan_demo.engine.edit.windowed import in_windows

Predict = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""A transformer: noisy latents, timestep and prompt embeddings to the flow, noise - clean."""


@dataclass(frozen=True)
class Expert:
    """A transformer, and how strongly it is guided; 1 is no guidance."""

    predict: Predict
    guidance_scale: float


@dataclass(frozen=True)
class Flow:
    """The flow that a prompt leads along.

    ``low`` takes over below ``boundary``, a timestep from 0 to 1000, as ``WanPipeline.__call__``
    of diffusers does with its ``boundary_timestep``. ``negative`` are the embeddings of the
    negative prompt, None without guidance. ``window`` is how many latent frames are seen at once;
    ``on_window`` is called each time that it was, and may raise.
    """

    high: Expert
    negative: torch.Tensor | None
    window: int
    low: Expert | None = None
    boundary: float = 0.0
    on_window: Callable[[], None] = lambda: None

    def __call__(
        self, latents: torch.Tensor, timestep: torch.Tensor, prompt: torch.Tensor
    ) -> torch.Tensor:
        """The flow at ``latents`` (batch, channels, frames, height, width), of the same shape.

        A longer clip is seen in windows (``in_windows``): at every step, so that neighbours never
        part.
        """
        return in_windows(
            lambda frames: self._guided(latents[:, :, frames], timestep, prompt),
            latents,
            self.window,
        )

    def _guided(
        self, latents: torch.Tensor, timestep: torch.Tensor, prompt: torch.Tensor
    ) -> torch.Tensor:
        is_low = self.low is not None and float(timestep) < self.boundary
        expert = self.low if self.low is not None and is_low else self.high
        flow = expert.predict(latents, timestep, prompt)
        if self.negative is not None and expert.guidance_scale > 1:
            without = expert.predict(latents, timestep, self.negative)
            flow = without + expert.guidance_scale * (flow - without)
        self.on_window()
        return flow
