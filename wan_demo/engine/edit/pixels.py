"""What is done to an edit's frames once they are decoded: details, colors, the mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from wan_demo.domain.events import Frames, Mask

CHANGED = 15.0
"""Levels of 255 by which an edit must differ from the decoded source to count as one: about what
a VAE's noise and an edit's side effects come to on ground that was to stay."""

SOFT_PART = 0.01
"""Width of a mask's soft edge, of the frame's longer side."""


def give_back(made: Frames, decoded: Frames, source: Frames) -> Frames:
    """The details that the VAE lost of the source, where the edit has not changed it.

    ``decoded`` is the source through the VAE. What the edit left as it was there differs from the
    source by the VAE's loss alone, which is known; towards larger differences it fades out.
    All are of shape (frames, height, width, 3).
    """
    given = np.empty_like(made)
    for index in range(len(made)):
        frame, before = made[index].astype(np.float32), decoded[index].astype(np.float32)
        change = np.abs(frame - before).max(axis=-1, keepdims=True)
        share = np.exp(-np.square(change / CHANGED))
        given[index] = _levels(frame + share * (source[index] - before))
    return given


def match_colors(made: Frames, source: Frames) -> Frames:
    """Frames with the mean and spread of the source's colors, each with those of its own moment.

    Reinhard et al., "Color Transfer between Images" (2001), in RGB.
    """
    matched = np.empty_like(made)
    for index in range(len(made)):
        frame, wanted = made[index].astype(np.float32), source[index].astype(np.float32)
        spread = wanted.std((0, 1)) / np.maximum(frame.std((0, 1)), 1e-3)
        matched[index] = _levels((frame - frame.mean((0, 1))) * spread + wanted.mean((0, 1)))
    return matched


def paste(made: Frames, source: Frames, mask: Mask) -> Frames:
    """The edit inside the mask, the source's own pixels outside, with a soft edge inside it.

    ``mask``: (frames, height, width), 255 where the clip is edited.
    """
    radius = max(1.0, SOFT_PART * max(mask.shape[1:]))
    pasted = np.empty_like(made)
    for index in range(len(made)):
        share = soft(mask[index], radius)[..., None]
        pasted[index] = _levels(share * made[index] + (1 - share) * source[index])
    return pasted


def soft(mask: Mask, radius: float) -> NDArray[np.float32]:
    """0 outside and at the edge of a mask (height, width), rising to 1 within it."""
    marked = np.where(mask >= 128, 255, 0).astype(np.uint8)
    blurred = Image.fromarray(marked).filter(ImageFilter.GaussianBlur(radius))
    rising = np.clip(np.asarray(blurred, dtype=np.float32) / 127.5 - 1, 0, 1)
    return np.where(marked > 0, rising, 0).astype(np.float32)


def _levels(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return values.round().clip(0, 255).astype(np.uint8)
