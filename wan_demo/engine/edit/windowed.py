"""A model's flow over a clip that is longer than what the model sees at once."""

from __future__ import annotations

from collections.abc import Callable

import torch

from wan_demo.domain.windows import spans, weights

Frames = slice | list[int]
"""Which latent frames, for an index of a tensor."""


def in_windows(
    see: Callable[[Frames], torch.Tensor], latents: torch.Tensor, window: int, given: int = 0
) -> torch.Tensor:
    """What ``see`` says of ``latents`` (batch, channels, frames, height, width), of their shape.

    ``see`` is asked for some of the frames: for all at once where they are no more than
    ``window``, and gives then what is returned. Else for overlapping windows, which are blended
    in fp32 (MultiDiffusion, Bar-Tal et al., arXiv 2302.08113, section 4, along time). The first
    ``given`` frames are pictures beside the clip: each window has them, and they count alike.
    """
    windows = spans(latents.shape[2] - given, window)
    if len(windows) == 1:
        return see(slice(None))
    blended = torch.zeros_like(latents, dtype=torch.float32)
    total = torch.zeros_like(blended[0, 0, :, 0, 0])
    for span, faded in zip(windows, weights(windows), strict=True):
        frames = [*range(given), *(given + at for at in span)]
        share = total.new_tensor([*[1.0] * given, *faded])
        blended[:, :, frames] += see(frames) * share.view(1, 1, -1, 1, 1)
        total[frames] += share
    return blended / total.view(1, 1, -1, 1, 1)
