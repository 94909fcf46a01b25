"""Moving shapes, drawn with exact anti-aliasing from signed distance functions.

The distance functions of the triangle and the star follow Inigo Quilez, "2D distance functions"
(iquilezles.org/articles/distfunctions2d). Coordinates are in pixels, y pointing down; angles in
radians, clockwise on the screen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "green": (40, 180, 70),
    "blue": (50, 90, 230),
    "yellow": (240, 210, 40),
    "purple": (150, 60, 200),
    "orange": (245, 140, 30),
    "white": (240, 240, 240),
    "cyan": (40, 200, 210),
}
SHAPES = ("circle", "square", "triangle", "star")
MOTIONS = (
    "moving right",
    "moving left",
    "moving up",
    "moving down",
    "growing",
    "shrinking",
    "spinning",
    "standing still",
)
BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "black": (12, 12, 16),
    "gray": (120, 120, 124),
    "navy": (20, 26, 70),
    "sand": (214, 196, 150),
}
STYLES = ("plain", "gradient", "textured")

_DIRECTION = {
    "moving right": (1.0, 0.0),
    "moving left": (-1.0, 0.0),
    "moving up": (0.0, -1.0),
    "moving down": (0.0, 1.0),
}
TURN = 1.0
"""Radians that a spinning shape turns in a clip, always: its pose then follows from its frame, and
is not a mean of all the angles that a free speed could have brought (LOG.md)."""

# Outer reach of each shape for a nominal radius of 1, so that all cover about the same area.
_REACH = {"circle": 0.95, "square": 1.2, "triangle": 1.3, "star": 1.35}


@dataclass(frozen=True)
class Labels:
    """What a caption says about a clip; every field is one word of the grammar."""

    color: str
    shape: str
    motion: str
    background: str
    style: str = "plain"


@dataclass(frozen=True)
class Path:
    """Pose of the shape from the first frame to the last; lengths in parts of the short side."""

    start: tuple[float, float]
    end: tuple[float, float]
    radii: tuple[float, float]
    angles: tuple[float, float]


def held_out(labels: Labels) -> bool:
    """Whether the (color, shape, motion) triple is kept out of training: 32 of the 256."""
    color = list(COLORS).index(labels.color)
    shape, motion = SHAPES.index(labels.shape), MOTIONS.index(labels.motion)
    return (color + 2 * shape + 3 * motion) % 8 == 0


def random_labels(rng: Random, styles: tuple[str, ...] = ("plain",)) -> Labels:
    """Labels drawn evenly among the triples that training may see."""
    while True:
        labels = Labels(
            rng.choice(list(COLORS)),
            rng.choice(SHAPES),
            rng.choice(MOTIONS),
            rng.choice(list(BACKGROUNDS)),
            rng.choice(styles),
        )
        if not held_out(labels):
            return labels


def random_path(labels: Labels, rng: Random, height: int, width: int) -> Path:
    """A pose that keeps the shape inside the frame and makes the motion plain to see."""
    short = min(height, width)
    radii = _radii(labels.motion, rng)
    reach = max(radii) * _REACH[labels.shape] + 0.02
    dx, dy = _DIRECTION.get(labels.motion, (0.0, 0.0))
    x = _span(rng, width / short, reach, dx)
    y = _span(rng, height / short, reach, dy)
    turn = TURN if labels.motion == "spinning" else 0.0
    return Path((x[0], y[0]), (x[1], y[1]), radii, (0.0, turn))


def _radii(motion: str, rng: Random) -> tuple[float, float]:
    if motion in ("growing", "shrinking"):
        ends = (rng.uniform(0.12, 0.15), rng.uniform(0.26, 0.30))
        return ends if motion == "growing" else (ends[1], ends[0])
    radius = rng.uniform(0.18, 0.22) if motion in _DIRECTION else rng.uniform(0.19, 0.27)
    return radius, radius


def _span(rng: Random, side: float, reach: float, direction: float) -> tuple[float, float]:
    """First and last centre coordinate on an axis `side` long, kept `reach` from its borders."""
    room = side - 2 * reach
    length = min(room, rng.uniform(0.36, 0.46) * side) if direction else 0.0
    start = reach + rng.random() * (room - length)
    return (start, start + length) if direction >= 0 else (start + length, start)


def poses(path: Path, times: Tensor, short: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Centre x, centre y, radius (pixels) and angle at `times` (T,) in [0, 1]; each (T,)."""

    def mix(ends: tuple[float, float]) -> Tensor:
        return ends[0] + (ends[1] - ends[0]) * times

    x, y = mix((path.start[0], path.end[0])), mix((path.start[1], path.end[1]))
    return x * short, y * short, mix(path.radii) * short, mix(path.angles)


def clip_times(frames: int) -> Tensor:
    """Times of `frames` frames, evenly from 0 to 1."""
    return torch.linspace(0, 1, frames)


def distance(shape: str, path: Path, times: Tensor, height: int, width: int) -> Tensor:
    """Signed distance in pixels to the outline, negative inside: (T, H, W)."""
    cx, cy, radius, angle = (v[:, None, None] for v in poses(path, times, min(height, width)))
    x = torch.arange(width) + 0.5 - cx
    y = (torch.arange(height) + 0.5)[:, None] - cy
    cos, sin = angle.cos(), angle.sin()
    return _DISTANCES[shape](cos * x + sin * y, cos * y - sin * x, radius)


def draw(
    labels: Labels,
    path: Path,
    times: Tensor,
    size: tuple[int, int],
    backdrop: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Frames (T, 3, H, W) in [0, 1] and the signed distance (T, H, W) at `times` (T,).

    `size` is (height, width); `backdrop` (3, H, W) in [0, 1] replaces the plain background.
    """
    outline = distance(labels.shape, path, times, *size)
    cover = (0.5 - outline).clamp(0, 1)[:, None]
    paint = torch.tensor(COLORS[labels.color]).view(3, 1, 1) / 255
    if backdrop is None:
        backdrop = torch.tensor(BACKGROUNDS[labels.background]).view(3, 1, 1) / 255
    return cover * paint + (1 - cover) * backdrop, outline


def _circle(x: Tensor, y: Tensor, r: Tensor) -> Tensor:
    return torch.hypot(x, y) - 0.95 * r


def _square(x: Tensor, y: Tensor, r: Tensor) -> Tensor:
    dx, dy = x.abs() - 0.84 * r, y.abs() - 0.84 * r
    return torch.hypot(dx.clamp_min(0), dy.clamp_min(0)) + torch.maximum(dx, dy).clamp_max(0)


def _triangle(x: Tensor, y: Tensor, r: Tensor) -> Tensor:
    """Equilateral, one corner up, circumscribed radius 1.3 r, centred on its centroid."""
    k, half = math.sqrt(3), 1.3 * r * math.sqrt(3) / 2
    x, y = x.abs() - half, -y + half / k
    outside = x + k * y > 0
    x, y = (
        torch.where(outside, (x - k * y) / 2, x),
        torch.where(outside, (-k * x - y) / 2, y),
    )
    x = x - torch.minimum(torch.maximum(x, -2 * half), torch.zeros_like(x))
    return -torch.hypot(x, y) * y.sign()


def _star(x: Tensor, y: Tensor, r: Tensor) -> Tensor:
    """Five points, one up, outer radius 1.35 r, inner radius 0.45 of it."""
    outer = 1.35 * r
    ax, ay = 0.809016994375, -0.587785252292
    x, y = x.abs(), -y
    fold = 2 * (ax * x + ay * y).clamp_min(0)
    x, y = x - fold * ax, y - fold * ay
    fold = 2 * (-ax * x + ay * y).clamp_min(0)
    x, y = x + fold * ax, y - fold * ay
    x, y = x.abs(), y - outer
    bx, by = -ay * 0.45, ax * 0.45 - 1
    along = (x * bx + y * by) / (bx * bx + by * by)
    along = torch.minimum(along.clamp_min(0), outer)
    side = (y * bx - x * by).sign()
    return torch.hypot(x - bx * along, y - by * along) * side


_DISTANCES = {"circle": _circle, "square": _square, "triangle": _triangle, "star": _star}
