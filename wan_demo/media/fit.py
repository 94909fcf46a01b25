"""Crop, pad and scale to a size, never stretched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from wan_demo.domain.edit import Fit
from wan_demo.domain.events import Frames
from wan_demo.domain.model import Size

Box = tuple[float, float, float, float]

COARSE = 8
"""What is blurred is made smaller by this first: nobody sees it, and it takes a sixtieth."""

SOFT = 3
"""Of what is that much smaller, the blur's radius in pixels."""


def fit(image: Image.Image, size: Size, how: Fit) -> Image.Image:
    """An RGB image in ``size`` (width, height)."""
    return cover(image, size) if how is Fit.CROP else contain(image, size)


def cover(image: Image.Image, size: Size) -> Image.Image:
    """Scale an image to fill ``size`` (width, height) and cut what stands over, evenly."""
    return image.resize(size, Image.Resampling.LANCZOS, box=_window(image.size, size))


def contain(image: Image.Image, size: Size) -> Image.Image:
    """Scale an image to be seen whole in ``size``, over its own blurred, filling self."""
    left, top, width, height = _place(image.size, size)
    if (width, height) == size:
        return image.resize(size, Image.Resampling.LANCZOS)
    coarse = (max(1, size[0] // COARSE), max(1, size[1] // COARSE))
    soft = cover(image, coarse).filter(ImageFilter.GaussianBlur(SOFT))
    whole = soft.resize(size, Image.Resampling.BICUBIC)
    whole.paste(image.resize((width, height), Image.Resampling.LANCZOS), (left, top))
    return whole


def on_white(image: Image.Image, size: Size) -> Image.Image:
    """Scale an image to be seen whole in the middle of ``size``, on white.

    As VACE's makers do with reference pictures; see diffusers'
    ``WanVACEPipeline.preprocess_conditions``.
    """
    left, top, width, height = _place(image.size, size)
    ground = Image.new("RGB", size, "white")
    ground.paste(image.resize((width, height), Image.Resampling.LANCZOS), (left, top))
    return ground


def fit_mask(mask: Image.Image, size: Size, how: Fit) -> Image.Image:
    """A mask (mode L, 0 or 255) over what ``fit`` makes of its image; the padding stays, 0."""
    if how is Fit.CROP:
        return _halved(mask.resize(size, Image.Resampling.BOX, box=_window(mask.size, size)))
    left, top, width, height = _place(mask.size, size)
    whole = Image.new("L", size, 0)
    whole.paste(_halved(mask.resize((width, height), Image.Resampling.BOX)), (left, top))
    return whole


def _halved(mask: Image.Image) -> Image.Image:
    """255 where at least half of a pixel was."""
    return mask.point([0] * 128 + [255] * 128)


def _window(source: Size, size: Size) -> Box:
    """The middle of a source that has the ratio of ``size``."""
    scale = max(size[0] / source[0], size[1] / source[1])
    kept_width, kept_height = size[0] / scale, size[1] / scale
    left, top = max((source[0] - kept_width) / 2, 0), max((source[1] - kept_height) / 2, 0)
    right, bottom = min(left + kept_width, source[0]), min(top + kept_height, source[1])
    return (left, top, right, bottom)  # rounding must not lead out of the image


def _place(source: Size, size: Size) -> tuple[int, int, int, int]:
    """(left, top, width, height) of the whole source in the middle of ``size``."""
    scale = min(size[0] / source[0], size[1] / source[1])
    width, height = max(1, round(source[0] * scale)), max(1, round(source[1] * scale))
    return (size[0] - width) // 2, (size[1] - height) // 2, width, height


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
