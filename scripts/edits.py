"""Ten edits by the bundled model on one sheet: ``python -m scripts.edits docs/edits.webp``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from training.captions import exact
from training.edits import LONG, SIDE, Source, edit, through_the_encoder
from training.pictures import draw_clip
from training.shapes import Labels
from wan_demo.catalog.tiny import TINY_VACE
from wan_demo.domain.events import Frames, Mask, Picture
from wan_demo.media.sheet import GAP, MARGIN, contact_sheet, middles

COLUMNS = 6
FPS = 8
DRAWN = 8.0
"""Pixels from the shape's edge to that of a mask, as a person draws one."""


@dataclass(frozen=True)
class Shown:
    """An edit of the sheet: its name, the clip before it, what of it becomes another."""

    name: str
    before: Labels
    changes: Mapping[str, str]
    given: Mapping[str, Any] = field(default_factory=dict)
    frames: int = 17
    is_masked: bool = False


_KEEP = {"method": "flow_edit"}
_ALL_ANEW = {"method": "renoise", "strength": 0.85}
EDITS = (
    Shown(
        "keep structure: color",
        Labels("orange", "circle", "moving left", "navy", "gradient"),
        {"color": "cyan"},
        _KEEP,
    ),
    Shown(
        "the same, a texture",
        Labels("white", "star", "spinning", "gray", "textured"),
        {"color": "red"},
        _KEEP,
    ),
    Shown(
        "keep structure: ground",
        Labels("yellow", "triangle", "moving up", "black"),
        {"background": "sand"},
        {**_KEEP, "strength": 0.8},
    ),
    Shown(
        "keep structure: shape",
        Labels("green", "square", "moving right", "navy"),
        {"shape": "circle"},
        {**_KEEP, "strength": 0.85},
    ),
    Shown(
        "the same, four windows",
        Labels("purple", "square", "moving down", "sand", "gradient"),
        {"color": "blue"},
        _KEEP,
        LONG,
    ),
    Shown(
        "re-noise: color",
        Labels("blue", "star", "growing", "gray", "gradient"),
        {"color": "yellow"},
    ),
    Shown(
        "re-noise: shape",
        Labels("red", "circle", "moving down", "black"),
        {"shape": "star"},
        _ALL_ANEW,
    ),
    Shown(
        "VACE: along its lines",
        Labels("cyan", "square", "shrinking", "navy"),
        {"background": "gray", "color": "orange"},
        {"spec": TINY_VACE, "guide": "edges"},
    ),
    Shown(
        "mask, VACE: shape",
        Labels("green", "triangle", "moving right", "sand", "textured"),
        {"color": "purple", "shape": "circle"},
        {"spec": TINY_VACE, "guide": "blank", "mask": "mask"},
        is_masked=True,
    ),
    Shown(
        "mask, keep structure",
        Labels("red", "star", "moving up", "gray", "textured"),
        {"color": "green"},
        {**_KEEP, "mask": "mask"},
        is_masked=True,
    ),
)


def main() -> None:
    """Make the edits and write the sheet."""
    rows = [_row(one, seed) for seed, one in enumerate(EDITS)]
    wide = max(row.shape[1] for row in rows)
    even = [_widened(row, wide) for row in rows]
    half = len(even) // 2
    columns = [np.concatenate(part) for part in (even[:half], even[half:])]
    Image.fromarray(np.concatenate(columns, axis=1)).save(sys.argv[1], quality=90)


def _widened(row: Picture, wide: int) -> Picture:
    """A row as wide as the others, its pictures below theirs."""
    pictures = COLUMNS * (SIDE + GAP) + MARGIN
    name, strip = row[:, :-pictures], row[:, -pictures:]
    name = np.pad(name, ((0, 0), (0, wide - row.shape[1]), (0, 0)), constant_values=255)
    return np.concatenate([name, strip], axis=1)


def _row(one: Shown, seed: int) -> Picture:
    """What a clip shows before and after its edit."""
    clip, distance = draw_clip(one.before, Random(seed), one.frames, (SIDE, SIDE))
    levels = (clip.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    wanted = replace(one.before, **one.changes)
    source = Source(wanted, seed, exact(one.before), through_the_encoder(levels), distance)
    mask: Mask | None = None
    if one.is_masked:
        mask = ((distance < DRAWN).numpy() * 255).astype(np.uint8)
    given = dict(one.given)
    if given.get("method") == "flow_edit":
        given["source_prompt"] = source.caption
    made = edit(source, mask, **given)
    times = middles(0, one.frames / FPS, COLUMNS)
    return contact_sheet({one.name: _at(source.frames, times), "becomes": _at(made, times)}, times)


def _at(frames: Frames, times: list[float]) -> Frames:
    return frames[[int(time * FPS) for time in times]]


if __name__ == "__main__":
    main()
