"""What is done to frames once they are decoded: details, colors, an edit's mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from wan_demo.domain.events import Frames, Mask

CHANGED = 15.0
"""Levels of 255 by which an edit must differ from the decoded source to count as one: about what
a VAE's noise and an edit's side effects come to on ground that was to stay."""

STANDS, SHIMMERS = 8.0, 40.0
"""Levels of 255 from frame to frame: what an encoder makes of a picture that stands still, and
how far the colors go that a model gives it, from one latent frame to the next."""

REACH = 4
"""Frames before and after, as many as a latent frame stands for."""

WAVERS = 6.0
"""Levels of 255 within which a model's colors waver from frame to frame where nothing happens."""

LEAST_STANDING = 0.25
"""Part of a picture that must stand still to tell of the colors of all."""

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


def steady(made: Frames, source: Frames) -> Frames:
    """An edit without its shimmer: what stands still in the source does so in the edit.

    Each pixel becomes the mean of its moments nearby, which count by how little the source has
    changed since and the edit; so what moves in either stays as it is (a joint bilateral filter
    along time: Petschnigg et al., "Digital Photography with Flash and No-Flash Image Pairs", 2004,
    section 4). Both are of shape (frames, height, width, 3).
    """
    still, near = _falling(STANDS), _falling(SHIMMERS)
    steadied = np.empty_like(made)
    for index in range(len(made)):
        mean = made[index].astype(np.float32)
        total = np.ones((*mean.shape[:2], 1), np.float32)
        for other in range(max(0, index - REACH), min(len(made), index + REACH + 1)):
            if other == index:
                continue
            share = still[_change(source, index, other)] * near[_change(made, index, other)]
            share *= 1 - abs(other - index) / (REACH + 1)
            mean += share * made[other]
            total += share
        steadied[index] = _levels(mean / total)
    return steadied


def _falling(levels: float) -> NDArray[np.float32]:
    """How much a change of 0 to 255 counts, falling off about ``levels``."""
    return np.exp(-np.square(np.arange(256) / levels)).astype(np.float32)


def _change(frames: Frames, one: int, other: int) -> NDArray[np.uint8]:
    """The largest change of a channel between two frames, (height, width, 1)."""
    lower, upper = np.minimum(frames[one], frames[other]), np.maximum(frames[one], frames[other])
    return (upper - lower).max(axis=-1, keepdims=True)


def go_on(made: Frames, last: Frames) -> Frames:
    """Frames that begin with a picture through the VAE, joined to that very picture.

    ``made``: (frames, height, width, 3); ``last``: (height, width, 3), what ``made[0]`` shows. They
    get the colors that make these two alike, and what stands as it does there gets its details.
    """
    gain, offset = _line(made[0], last)
    matched = np.stack([_levels(frame * gain + offset) for frame in made])
    begin = matched[0].copy()
    drift = _drift(begin, matched[1])
    matched[1:] = [_levels(frame - drift) for frame in matched[1:]]
    return give_back(matched, np.broadcast_to(begin, made.shape), np.broadcast_to(last, made.shape))


def _line(made: Frames, true: Frames) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Gain and offset of each channel that lead from a picture's levels to its true ones.

    By least squares; with the contrast it has where it shows nothing but what wavers.
    """
    levels, wanted = (each.reshape(-1, 3).astype(np.float64) for each in (made, true))
    mean, aim = levels.mean(0), wanted.mean(0)
    together = ((levels - mean) * (wanted - aim)).mean(0)
    gain = (together + WAVERS**2) / (levels.var(0) + WAVERS**2)
    return gain, aim - gain * mean


def _drift(begin: Frames, first: Frames) -> NDArray[np.floating]:
    """By how much all that stands is lighter in the first new frame: nobody asked for that."""
    change = first.astype(np.float32) - begin
    stands = np.abs(change).max(axis=-1) <= WAVERS
    return change[stands].mean(0) if stands.mean() > LEAST_STANDING else np.zeros(3, np.float32)


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


def _levels(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return values.round().clip(0, 255).astype(np.uint8)
