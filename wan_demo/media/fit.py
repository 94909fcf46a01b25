"""Crop and scale to a size without stretching, and choose frames for another frame rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from wan_demo.domain.events import Frames
from wan_demo.domain.model import Size


def cover(image: Image.Image, size: Size) -> Image.Image:
    """Scale an image to fill ``size`` (width, height) and cut what stands over, evenly."""
    width, height = size
    scale = max(width / image.width, height / image.height)
    kept_width, kept_height = width / scale, height / scale
    left, top = max((image.width - kept_width) / 2, 0), max((image.height - kept_height) / 2, 0)
    right, bottom = min(left + kept_width, image.width), min(top + kept_height, image.height)
    box = (left, top, right, bottom)  # rounding must not lead out of the image
    return image.resize(size, Image.Resampling.LANCZOS, box=box)


def nearest_in_time(times: Sequence[float], count: int, fps: float) -> list[int]:
    """For each of ``count`` moments at ``fps``, the index of the frame that is shown then.

    ``times`` are the frames' own times in seconds, ascending, from 0: constant or not.
    """
    moments = np.arange(count) / fps
    shown = np.searchsorted(np.asarray(times), moments + 1e-6, side="right") - 1
    return [int(index) for index in np.clip(shown, 0, len(times) - 1)]


def stack(images: Sequence[Image.Image]) -> Frames:
    """RGB images of one size as an array of shape (frames, height, width, 3)."""
    return np.stack([np.asarray(image.convert("RGB")) for image in images])


def flat_share(image: Image.Image) -> float:
    """How much of an image is plain color: 1 for a drawing of shapes, about 0 for a photo.

    The share of 64 x 64 cells whose neighbours to the right and below differ by less than 4 of
    255 in every channel; noise and texture break it, a few sharp edges hardly do.
    """
    small = np.asarray(image.convert("RGB").resize((64, 64), Image.Resampling.BOX), dtype=np.int16)
    right = np.abs(np.diff(small, axis=1))[:-1].max(axis=2)
    below = np.abs(np.diff(small, axis=0))[:, :-1].max(axis=2)
    return float(np.mean(np.maximum(right, below) < 4))
