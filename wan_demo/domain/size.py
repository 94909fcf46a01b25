"""Sizes: which a model can do, and which one suits a picture's own ratio."""

from __future__ import annotations

from math import sqrt

from wan_demo.domain.model import Limits, Size


def snap(value: float, multiple: int, low: int, high: int) -> int:
    """The multiple of ``multiple`` nearest to ``value`` within [low, high]."""
    floor, ceiling = -(-low // multiple) * multiple, high // multiple * multiple
    return int(min(max(round(value / multiple) * multiple, floor), ceiling))


def fit_ratio(ratio: float, area: int, limits: Limits) -> Size:
    """The size of about ``area`` square pixels whose width / height is nearest to ``ratio``.

    Among the sizes allowed within a factor 1.35 of the area, the ratio decides first and the
    area second, so that a picture loses as little as possible to cropping.
    """
    sides = range(
        -(-limits.min_side // limits.size_multiple) * limits.size_multiple,
        limits.max_side + 1,
        limits.size_multiple,
    )
    ideal = sqrt(area * ratio)
    # generous: only sides that cannot win are left out
    near = [side for side in sides if 0.6 * ideal <= side <= 1.67 * ideal] or list(sides)
    candidates = [
        (width, height)
        for width in near
        for height in _heights(width, ratio, limits)
        if width * height <= limits.max_area
    ]

    # The factors: over 400 ratios from 9:21 to 21:9, the official models lose at most 3% to
    # cropping at 0.75 to 1 of the area. A weight of 1 for the ratio or a factor of 1.2 for the
    # area loses up to 17%, a weight of 8 gains less than 1%.
    def loss(size: Size) -> float:
        width, height = size
        off_ratio = max(width / height / ratio, ratio * height / width)
        off_area = max(width * height / area, area / (width * height))
        return (off_ratio - 1) * 4 + (off_area - 1) * (1 if off_area < 1.35 else 4)

    return min(candidates, key=loss)


def _heights(width: int, ratio: float, limits: Limits) -> set[int]:
    """The allowed heights on both sides of ``width / ratio``."""
    step = limits.size_multiple
    exact = width / ratio
    return {
        snap(exact + offset, step, limits.min_side, limits.max_side) for offset in (-step, 0, step)
    }


def fit_frames(frames: int, limits: Limits) -> int:
    """The largest 4k+1 that is at most ``frames``, within the model's limits."""
    return max(limits.min_frames, min((frames - 1) // 4 * 4 + 1, limits.max_frames))


def nearest_frames(frames: int, limits: Limits) -> tuple[int, ...]:
    """The allowed frame counts on both sides of ``frames``, the lower first."""
    lower = fit_frames(frames, limits)
    upper = min(lower + 4, limits.max_frames) if lower < frames else lower
    return (lower,) if lower == upper else (lower, upper)


def nearest_sides(side: int, limits: Limits) -> tuple[int, ...]:
    """The allowed sides around ``side``, the lower first."""
    step, low, high = limits.size_multiple, limits.min_side, limits.max_side
    lower = snap(side // step * step, step, low, high)
    upper = snap(lower + step, step, low, high) if lower < side else lower
    return (lower,) if lower == upper else (lower, upper)
