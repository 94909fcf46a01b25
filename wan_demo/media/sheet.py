"""A contact sheet: what videos show at the same moments, a row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from wan_demo.domain.events import Frames, Picture

GAP = 4
MARGIN = 8
TEXT = 13
"""Pixels: a caption's height."""

GROUND, INK = (255, 255, 255), (60, 60, 60)


def middles(start: float, end: float, count: int) -> list[float]:
    """The middles of so many equal pieces of a time."""
    return [start + (index + 0.5) * (end - start) / count for index in range(count)]


def contact_sheet(rows: Mapping[str, Frames], times: Sequence[float]) -> Picture:
    """One picture of rows by name, each of (len(times), height, width, 3); RGB.

    Each column is of one time, in seconds, which stands above it; the name stands before its row.
    """
    font = ImageFont.load_default(TEXT)
    label = max(int(font.getlength(name)) for name in rows) + MARGIN
    wide = max(frames.shape[2] for frames in rows.values())
    heights = [frames.shape[1] for frames in rows.values()]
    line = TEXT + MARGIN
    size = (
        MARGIN * 2 + label + len(times) * (wide + GAP) - GAP,
        MARGIN * 2 + line + sum(heights) + GAP * (len(heights) - 1),
    )
    sheet = Image.new("RGB", size, GROUND)
    draw = ImageDraw.Draw(sheet)
    lefts = [MARGIN + label + column * (wide + GAP) for column in range(len(times))]
    for left, time in zip(lefts, times, strict=True):
        draw.text((left + wide / 2, MARGIN), f"{time:.2f} s", INK, font, anchor="mt")
    top = MARGIN + line
    for name, frames in rows.items():
        draw.text((MARGIN, top + frames.shape[1] / 2), name, INK, font, anchor="lm")
        for left, frame in zip(lefts, frames, strict=True):
            sheet.paste(Image.fromarray(frame), (left + (wide - frame.shape[1]) // 2, top))
        top += frames.shape[1] + GAP
    return np.asarray(sheet)
