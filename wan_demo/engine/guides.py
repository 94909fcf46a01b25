"""What VACE sees of a video: the video itself, or what is left of it to go by.

VACE (Jiang et al., arXiv 2503.07598) splits what it is shown by the mask: outside lies what is
kept, inside what it goes by while it makes that part anew. A gray of 0.5, which is 0 to the VAE,
says nothing, and is how its makers mark what is free; see the example of diffusers'
``WanVACEPipeline``. Its makers' own guides are pictures too: gray ones, and dark lines on white
(``vace/annotators`` of ali-vilab/VACE; lines by a network there, by slopes of brightness here).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from wan_demo.domain.edit import Guide
from wan_demo.domain.events import Frames

Levels = NDArray[np.float32]
"""Colors from 0 to 1, shape (frames, height, width, 3); a mask has one channel."""

NOTHING = 0.5
EDITED = 128
"""A mask's level from which on it is white."""

BLUR = 1 / 32
"""The blur's radius (Pillow's, a standard deviation), as a part of the shorter side."""

SMOOTHED = 1.0
"""Pixels by which a picture is blurred before its slopes are taken: grain has no edges."""

FAINT, STRONG = 0.04, 0.16
"""Slopes, in black to white per pixel: from the one on a line is drawn, from the other it is black.

They are the same for all frames, so that lines do not flicker.
"""


def shown(video: Frames, guide: Guide, mask: NDArray[np.uint8] | None = None) -> Levels:
    """What VACE is shown of a video: the guide, or with a mask the source but inside it.

    ``video``: (frames, height, width, 3); ``mask``: (frames, height, width), white is edited.
    """
    draw = _DRAWN[guide]
    levels = np.empty(video.shape, np.float32)
    for index, frame in enumerate(video):
        levels[index] = draw(Image.fromarray(frame))
        if mask is not None:
            kept = mask[index] < EDITED
            levels[index][kept] = _levels(frame)[kept]
    return levels


def edited(mask: NDArray[np.uint8]) -> Levels:
    """A mask as VACE takes it: 1 where it is to make something, 0 elsewhere."""
    return (mask >= EDITED).astype(np.float32)[..., None]


def _video(picture: Image.Image) -> Levels:
    return _levels(picture)


def _gray(picture: Image.Image) -> Levels:
    return _levels(picture.convert("L"))[..., None]


def _blur(picture: Image.Image) -> Levels:
    return _levels(picture.filter(ImageFilter.GaussianBlur(BLUR * min(picture.size))))


def _blank(_picture: Image.Image) -> Levels:
    return np.full(1, NOTHING, np.float32)


def _edges(picture: Image.Image) -> Levels:
    """Dark lines on white, where any of the colors changes at once."""
    smooth = _levels(picture.filter(ImageFilter.GaussianBlur(SMOOTHED)))
    down, across = np.gradient(smooth, axis=(0, 1))
    slope = np.hypot(down, across).max(axis=2)
    darkness = np.clip((slope - FAINT) / (STRONG - FAINT), 0, 1)
    return (1 - darkness).astype(np.float32)[..., None]


def _levels(picture: Image.Image | Frames) -> Levels:
    return np.asarray(picture, np.float32) / np.float32(255)


_DRAWN: Mapping[Guide, Callable[[Image.Image], Levels]] = {
    Guide.VIDEO: _video,
    Guide.EDGES: _edges,
    Guide.GRAY: _gray,
    Guide.BLUR: _blur,
    Guide.BLANK: _blank,
}
