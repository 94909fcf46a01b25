"""Reads color, background, shape and motion off the frames of a clip.

The shape is told by drawing all four over the frame, at the measured centre, area and angle, and
taking the one that covers it best. Frames are (T, 3, H, W) in [0, 1]; x points right, y down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from training.shapes import BACKGROUNDS, COLORS, SHAPES, Path, distance

_FOLD = {"circle": 0, "square": 4, "triangle": 3, "star": 5}
_TURN, _SHIFT, _GROWTH = 0.6, 0.14, 1.3


@dataclass(frozen=True)
class Reading:
    """What a clip shows; `centres` (T, 2) in pixels (x, y), `areas` (T,) in pixels."""

    color: str
    background: str
    shape: str
    motion: str
    centres: Tensor
    areas: Tensor
    fit: float


def read(frames: Tensor) -> Reading:
    """The reading of a clip, never a refusal: `fit` (0 to 1) tells how well the shape sits."""
    ground, paint = _ground(frames), _paint(frames)
    cover = _cover(frames, ground, paint)
    areas = cover.sum((1, 2)).clamp_min(1e-3)
    centres = _centres(cover, areas)
    shape, fit = _shape(cover, centres, areas)
    motion = _motion(shape, cover, centres, areas)
    return Reading(
        nearest(paint, COLORS), nearest(ground, BACKGROUNDS), shape, motion, centres, areas, fit
    )


def same_motion(wanted: str, got: str, shape: str) -> bool:
    """Whether two motions look the same: of a circle, spinning and standing still do."""
    alike = {"spinning", "standing still"}
    return wanted == got or (shape == "circle" and {wanted, got} == alike)


def nearest(color: Tensor, table: dict[str, tuple[int, int, int]]) -> str:
    """The name in `table` closest to `color` (3,) in [0, 1]."""
    names = list(table)
    gaps = (torch.tensor([table[n] for n in names]) / 255 - color).norm(dim=1)
    return names[int(gaps.argmin())]


def _ground(frames: Tensor) -> Tensor:
    """Median color of the outermost two pixels."""
    edges = [frames[..., :2, :], frames[..., -2:, :], frames[..., :2], frames[..., -2:]]
    return torch.cat([e.transpose(0, 1).flatten(1) for e in edges], dim=1).median(dim=1).values


def _paint(frames: Tensor) -> Tensor:
    """Median color of the pixels that differ most from the background."""
    pixels = frames.transpose(0, 1).flatten(1)
    gap = (pixels - _ground(frames)[:, None]).norm(dim=0)
    ceiling = gap.kthvalue(max(1, int(0.995 * gap.numel()))).values
    return pixels[:, gap > 0.7 * ceiling].median(dim=1).values if ceiling > 0 else pixels[:, 0]


def _cover(frames: Tensor, ground: Tensor, paint: Tensor) -> Tensor:
    """How much of each pixel is painted: (T, H, W) in [0, 1], weak traces dropped."""
    axis = paint - ground
    along = ((frames - ground.view(3, 1, 1)) * axis.view(3, 1, 1)).sum(1)
    cover = (along / axis.square().sum().clamp_min(1e-4)).clamp(0, 1)
    return torch.where(cover < 0.3, torch.zeros_like(cover), cover)


def _grid(height: int, width: int) -> tuple[Tensor, Tensor]:
    return torch.arange(width) + 0.5, (torch.arange(height) + 0.5)[:, None]


def _centres(cover: Tensor, areas: Tensor) -> Tensor:
    x, y = _grid(*cover.shape[1:])
    return torch.stack([(cover * x).sum((1, 2)), (cover * y).sum((1, 2))], 1) / areas[:, None]


def _harmonic(cover: Tensor, centres: Tensor, areas: Tensor, fold: int) -> Tensor:
    """Phase (T,) in radians of the `fold`-fold angular moment."""
    x, y = _grid(*cover.shape[1:])
    dx, dy = x - centres[:, 0, None, None], y - centres[:, 1, None, None]
    spread = areas.sqrt()[:, None, None]
    moment = cover * (torch.hypot(dx, dy) / spread) ** fold
    angle = torch.atan2(dy, dx) * fold
    return torch.atan2((moment * angle.sin()).sum((1, 2)), (moment * angle.cos()).sum((1, 2)))


@cache
def _norms(shape: str) -> tuple[float, float]:
    """Area for a radius of one pixel, and the phase of the unturned shape."""
    cover = _template(shape, (64.0, 64.0), 32.0, 0.0, (128, 128))[None]
    areas = cover.sum((1, 2))
    phase = _harmonic(cover, _centres(cover, areas), areas, _FOLD[shape] or 1)
    return float(areas[0]) / 32.0**2, float(phase[0])


def _template(
    shape: str, centre: tuple[float, float], radius: float, angle: float, size: tuple[int, int]
) -> Tensor:
    short = min(size)
    at = (centre[0] / short, centre[1] / short)
    path = Path(at, at, (radius / short, radius / short), (angle, angle))
    return (0.5 - distance(shape, path, torch.zeros(1), *size)[0]).clamp(0, 1)


def _angles(shape: str, cover: Tensor, centres: Tensor, areas: Tensor) -> Tensor:
    """Turn (T,) of each frame against the unturned shape, within its symmetry."""
    fold = _FOLD[shape]
    if not fold:
        return torch.zeros(len(cover))
    return (_harmonic(cover, centres, areas, fold) - _norms(shape)[1]) / fold


def _shape(cover: Tensor, centres: Tensor, areas: Tensor) -> tuple[str, float]:
    """The best covering shape over the five largest frames, and its mean overlap (IoU)."""
    chosen = areas.topk(min(5, len(areas))).indices
    fits = {s: _fit(s, cover[chosen], centres[chosen], areas[chosen]) for s in SHAPES}
    best = max(fits, key=lambda shape: fits[shape])
    return best, fits[best]


def _fit(shape: str, cover: Tensor, centres: Tensor, areas: Tensor) -> float:
    angles = _angles(shape, cover, centres, areas)
    total = 0.0
    for frame, centre, area, angle in zip(cover, centres, areas, angles, strict=True):
        radius = math.sqrt(float(area) / _norms(shape)[0])
        at = (float(centre[0]), float(centre[1]))
        drawn = _template(shape, at, radius, float(angle), (frame.shape[0], frame.shape[1]))
        total += float(torch.minimum(frame, drawn).sum() / torch.maximum(frame, drawn).sum())
    return total / len(cover)


def _motion(shape: str, cover: Tensor, centres: Tensor, areas: Tensor) -> str:
    shift = (centres[-2:].mean(0) - centres[:2].mean(0)) / min(cover.shape[1:])
    growth = float((areas[-2:].mean() / areas[:2].mean()).sqrt())
    if float(shift.abs().max()) > _SHIFT:
        return _direction(float(shift[0]), float(shift[1]))
    if growth > _GROWTH or growth < 1 / _GROWTH:
        return "growing" if growth > 1 else "shrinking"
    turned = _total_turn(shape, cover, centres, areas)
    return "spinning" if turned > _TURN else "standing still"


def _direction(x: float, y: float) -> str:
    if abs(x) >= abs(y):
        return "moving right" if x > 0 else "moving left"
    return "moving down" if y > 0 else "moving up"


def _total_turn(shape: str, cover: Tensor, centres: Tensor, areas: Tensor) -> float:
    """Radians turned from the first frame to the last, either way."""
    fold = _FOLD[shape]
    if not fold:
        return 0.0
    steps = (_angles(shape, cover, centres, areas) * fold).diff()
    wrapped = (steps + math.pi) % (2 * math.pi) - math.pi
    return abs(float(wrapped.sum())) / fold
