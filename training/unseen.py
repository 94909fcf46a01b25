"""Textures that no training stage sees: the test of the autoencoder on what a person may bring."""

from __future__ import annotations

import math
from random import Random

import torch
from torch import Tensor


def _colors(rng: Random, count: int) -> Tensor:
    return torch.tensor([[rng.random() for _ in range(3)] for _ in range(count)])


def _axes(size: int) -> tuple[Tensor, Tensor]:
    line = torch.linspace(0, 1, size)
    return line[None, :].expand(size, size), line[:, None].expand(size, size)


def mosaic(rng: Random, size: int) -> Tensor:
    """Voronoi cells with soft seams."""
    x, y = _axes(size)
    count = rng.randint(8, 30)
    seeds = torch.tensor([[rng.random(), rng.random()] for _ in range(count)])
    gaps = torch.hypot(x[..., None] - seeds[:, 0], y[..., None] - seeds[:, 1])
    return (torch.softmax(-gaps * 120, dim=-1) @ _colors(rng, count)).permute(2, 0, 1)


def rings(rng: Random, size: int) -> Tensor:
    """Warped rings, like cut wood."""
    x, y = _axes(size)
    cx, cy = rng.uniform(-0.3, 1.3), rng.uniform(-0.3, 1.3)
    warp = 0.06 * (6 * math.pi * x * rng.random()).sin() + 0.06 * (9 * y * rng.random()).cos()
    wave = (2 * math.pi * rng.uniform(3, 9) * (torch.hypot(x - cx, y - cy) + warp)).sin()
    low, high = _colors(rng, 2)
    mix = (0.5 + 0.5 * wave)[None]
    return low.view(3, 1, 1) * (1 - mix) + high.view(3, 1, 1) * mix


def plasma(rng: Random, size: int) -> Tensor:
    """Sums of turned sine waves, a different one in each channel."""
    x, y = _axes(size)
    channels = []
    for _ in range(3):
        field = torch.zeros(size, size)
        for _ in range(6):
            fx, fy = rng.uniform(-6, 6), rng.uniform(-6, 6)
            field += (2 * math.pi * (fx * x + fy * y + rng.random())).sin() / (
                1 + math.hypot(fx, fy)
            )
        channels.append((0.5 + 0.35 * field).clamp(0, 1))
    return torch.stack(channels)


def hills(rng: Random, size: int) -> Tensor:
    """A sky with layered ridges and a sun."""
    x, y = _axes(size)
    sky, fade = _colors(rng, 2)
    image = sky.view(3, 1, 1) * (1 - y) + fade.view(3, 1, 1) * y
    sun = torch.hypot(x - rng.random(), y - rng.uniform(0.1, 0.4)) < rng.uniform(0.05, 0.12)
    image = torch.where(sun, torch.tensor([1.0, 0.9, 0.6]).view(3, 1, 1), image)
    for layer in range(4):
        ridge = 0.35 + 0.15 * layer + 0.06 * (x * rng.uniform(5, 25) + 6 * rng.random()).sin()
        ridge = ridge + 0.02 * (x * rng.uniform(30, 60)).sin()
        shade = _colors(rng, 1).view(3, 1, 1) * (1 - 0.15 * layer)
        image = torch.where(y > ridge, shade, image)
    return image


PAINTERS = (mosaic, rings, plasma, hills)


def pictures(count: int, size: int = 128, seed: int = 99) -> Tensor:
    """`count` pictures (N, 3, S, S) in [0, 1], the painters in turn."""
    rng = Random(seed)
    return torch.stack([PAINTERS[i % 4](rng, size).clamp(0, 1) for i in range(count)])
