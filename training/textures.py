"""Procedural pictures that stand in for photos: noise, blobs, stripes, checkers, strokes, text.

Each painter returns an image (3, S, S) in [0, 1]. A `Pool` keeps some hundred of them and hands
out random crops, since drawing them afresh for every step would cost more than the training.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from torch import Tensor
from torch.nn import functional


def _color(rng: Random) -> Tensor:
    return torch.tensor([rng.random() for _ in range(3)]).view(3, 1, 1)


def _grid(size: int) -> tuple[Tensor, Tensor]:
    line = (torch.arange(size) + 0.5) / size
    return line[None, :], line[:, None]


def _field(rng: Random, size: int, power: float) -> Tensor:
    """Random field (S, S), spectrum 1/f^power, zero mean and unit deviation."""
    generator = torch.Generator().manual_seed(rng.randrange(1 << 30))
    spectrum = torch.fft.rfft2(torch.randn(size, size, generator=generator))
    fy, fx = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None, :]
    field = torch.fft.irfft2(spectrum / torch.hypot(fy, fx).clamp_min(1 / size) ** power)
    return (field - field.mean()) / field.std()


def noise(rng: Random, size: int) -> Tensor:
    """Clouds with a photo-like 1/f spectrum, its channels partly correlated."""
    power, contrast = rng.uniform(1.1, 2.0), rng.uniform(0.08, 0.22)
    shared = _field(rng, size, power)
    channels = [0.8 * shared + 0.6 * _field(rng, size, power) for _ in range(3)]
    return _color(rng) * 0.6 + 0.2 + contrast * torch.stack(channels)


def gradient(rng: Random, size: int) -> Tensor:
    """A linear or radial blend of two colors."""
    x, y = _grid(size)
    angle = rng.uniform(0, 2 * math.pi)
    ramp = 0.5 + (x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle)
    if rng.random() < 0.3:
        ramp = torch.hypot(x - rng.random(), y - rng.random())
    ramp = ramp.clamp(0, 1)
    return _color(rng) * ramp + _color(rng) * (1 - ramp)


def blobs(rng: Random, size: int) -> Tensor:
    """Soft colored spots."""
    x, y = _grid(size)
    image = gradient(rng, size)
    for _ in range(rng.randint(3, 9)):
        square = (x - rng.random()) ** 2 + (y - rng.random()) ** 2
        weight = torch.exp(-square / (2 * rng.uniform(0.04, 0.25) ** 2))
        image = image + weight * (_color(rng) - image)
    return image


def stripes(rng: Random, size: int) -> Tensor:
    """Soft or hard parallel stripes."""
    x, y = _grid(size)
    angle, waves = rng.uniform(0, math.pi), rng.uniform(2, 14)
    phase = 2 * math.pi * waves * (x * math.cos(angle) + y * math.sin(angle) + rng.random())
    wave = (0.5 + rng.uniform(0.5, 4) * phase.sin()).clamp(0, 1)
    return _color(rng) * wave + _color(rng) * (1 - wave)


def checkers(rng: Random, size: int) -> Tensor:
    """A turned checkerboard."""
    x, y = _grid(size)
    angle, waves = rng.uniform(0, math.pi), rng.uniform(1.5, 6)
    u = (x * math.cos(angle) + y * math.sin(angle)) * waves * 2 * math.pi
    v = (y * math.cos(angle) - x * math.sin(angle)) * waves * 2 * math.pi
    wave = (0.5 + rng.uniform(1, 6) * u.sin() * v.sin()).clamp(0, 1)
    return _color(rng) * wave + _color(rng) * (1 - wave)


def strokes(rng: Random, size: int) -> Tensor:
    """Lines, polygons, ellipses and a word over a calm ground, as in a snapshot or a drawing."""
    ground = rng.choice([noise, gradient, blobs])(rng, size).clamp(0, 1)
    image = Image.fromarray((ground.permute(1, 2, 0).numpy() * 255).astype("uint8"))
    image = image.resize((2 * size, 2 * size))
    pen = ImageDraw.Draw(image)
    for _ in range(rng.randint(2, 8)):
        _stroke(pen, rng, 2 * size)
    if rng.random() < 0.4:
        word = "".join(rng.choices("abcdefghkmnorstuwxyzABCDEFGHK0123456789", k=rng.randint(2, 7)))
        font = ImageFont.load_default(size=rng.randint(24, 80))
        at = (rng.randint(0, size), rng.randint(0, int(1.6 * size)))
        pen.text(at, word, fill=_rgb(rng), font=font)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 2)))
    image = image.resize((size, size), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(image, dtype="float32") / 255).permute(2, 0, 1)


def _rgb(rng: Random) -> tuple[int, int, int]:
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)


def _stroke(pen: ImageDraw.ImageDraw, rng: Random, size: int) -> None:
    points = [(rng.randrange(size), rng.randrange(size)) for _ in range(rng.randint(2, 5))]
    kind = rng.choice(["line", "polygon", "ellipse"])
    if kind == "ellipse":
        (x, y), radius = points[0], rng.randint(size // 16, size // 3)
        pen.ellipse((x - radius, y - radius // 2, x + radius, y + radius), fill=_rgb(rng))
    elif kind == "polygon" and len(points) > 2:
        pen.polygon(points, fill=_rgb(rng))
    else:
        pen.line(points, fill=_rgb(rng), width=rng.randint(2, size // 16), joint="curve")


PAINTERS: tuple[Callable[[Random, int], Tensor], ...] = (
    noise,
    noise,
    strokes,
    strokes,
    gradient,
    blobs,
    stripes,
    checkers,
)


def paint(rng: Random, size: int) -> Tensor:
    """One random picture (3, S, S) in [0, 1]."""
    return rng.choice(PAINTERS)(rng, size).clamp(0, 1)


class Pool:
    """A fixed set of pictures, cropped, mirrored and resized at random."""

    def __init__(self, count: int, seed: int, size: int = 160) -> None:
        rng = Random(seed)
        self._images = torch.stack([(paint(rng, size) * 255).byte() for _ in range(count)])

    def crop(self, rng: Random, height: int, width: int) -> Tensor:
        """A random crop (3, H, W) in [0, 1]."""
        image = self._images[rng.randrange(len(self._images))].float() / 255
        scale = rng.uniform(max(height, width) / image.shape[-1], 1.0)
        if scale < 1 and rng.random() < 0.5:
            image = functional.interpolate(image[None], scale_factor=scale, mode="area")[0]
        top = rng.randint(0, max(0, image.shape[1] - height))
        left = rng.randint(0, max(0, image.shape[2] - width))
        image = image[:, top : top + height, left : left + width]
        if image.shape[1:] != (height, width):
            image = functional.interpolate(image[None], size=(height, width), mode="bilinear")[0]
        return image.flip(-1) if rng.random() < 0.5 else image


def backdrop(style: str, rgb: tuple[int, int, int], rng: Random, size: tuple[int, int]) -> Tensor:
    """A background (3, H, W) in [0, 1] around the color `rgb`: plain, graded or textured."""
    base = torch.tensor(rgb).view(3, 1, 1) / 255
    side = max(size)
    if style == "gradient":
        x, y = _grid(side)
        angle = rng.uniform(0, 2 * math.pi)
        ramp = (x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle)
        base = base + rng.uniform(0.15, 0.3) * ramp
    elif style == "textured":
        base = base + rng.uniform(0.03, 0.07) * _field(rng, side, rng.uniform(0.9, 1.6))
    return base.clamp(0, 1).expand(3, side, side)[:, : size[0], : size[1]]
