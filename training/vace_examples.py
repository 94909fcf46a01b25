"""What a VACE head learns from: a clip to make, and what it is shown of another one to go by.

Both are drawn along the same path, in two colors. What is shown is drawn by the app's own guides
(`wan_demo.engine.guides`), so that training sees what people's requests will.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.captions import exact, paraphrase, random_caption
from training.pictures import draw_clip
from training.shapes import BACKGROUNDS, COLORS, SHAPES, STYLES, Labels, held_out, random_labels
from wan_demo.domain.edit import Guide
from wan_demo.domain.events import Frames
from wan_demo.engine import guides

Size = tuple[int, int, int]
"""Frames, height and width of a clip."""

SIZES: dict[Size, float] = {
    (17, 64, 64): 0.5,
    (9, 64, 64): 0.06,
    (17, 96, 96): 0.28,
    (17, 64, 112): 0.06,
    (17, 112, 64): 0.06,
    (33, 64, 64): 0.04,
}
"""Sizes of the clips, and which part of all examples they make up."""

STYLE_WEIGHTS = (0.4, 0.3, 0.3)
FOLLOWED = (Guide.VIDEO, Guide.EDGES, Guide.GRAY, Guide.BLUR)


@dataclass(frozen=True)
class Example:
    """One clip to make and what it is made by; frames are (T, H, W, 3), 0 to 255.

    `shown` is what VACE sees; `mask` (T, H, W) is 255 where it may draw;
    `reference` (H, W, 3) a picture of the shape, where there is one; `near` (T, H, W) is one on and
    about the shape.
    """

    caption: str
    made: Frames
    shown: Frames
    mask: NDArray[np.uint8]
    near: NDArray[np.uint8]
    reference: Frames | None = None


def draw_many(count: int, seed: int, workers: int) -> Iterator[Example]:
    """`count` examples of all `SIZES`, drawn by `workers` processes."""
    sizes = Random(seed).choices(list(SIZES), list(SIZES.values()), k=count)
    seeds = range(1_000_000 * seed, 1_000_000 * seed + count)
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_draw_alone, sizes, seeds, chunksize=16)


def _draw_alone(size: Size, seed: int) -> Example:
    torch.set_num_threads(1)
    return draw_example(Random(seed), size)


def draw_example(rng: Random, size: Size) -> Example:
    """One of the ways in which VACE is asked, drawn by lot."""
    ways = (_filled, _guided_inside, _guided, _by_reference, _free)
    (way,) = rng.choices(ways, (0.3, 0.2, 0.32, 0.12, 0.06))
    return way(rng, size)


def _filled(rng: Random, size: Size) -> Example:
    """A region made anew, of which nothing is shown: color and shape come from the text."""
    before, after = _two(rng)
    other_shape = rng.random() < 0.4
    if other_shape:
        after = rng.choice([one for one in _shaped(after) if not held_out(one)])
    seed = rng.random()
    source, target = _drawn(before, seed, size), _drawn(after, seed, size)
    distance = torch.minimum(source[1], target[1])
    mask = _region(distance, rng, follows=not other_shape)
    return _example(rng, after, source, target, Guide.BLANK, mask)


def _guided_inside(rng: Random, size: Size) -> Example:
    """A region in other colors, along what is there."""
    before, after = _two(rng)
    seed = rng.random()
    source, target = _drawn(before, seed, size), _drawn(after, seed, size)
    mask = _region(source[1], rng, follows=True)
    return _example(rng, after, source, target, rng.choice(FOLLOWED), mask)


def _guided(rng: Random, size: Size) -> Example:
    """A whole clip along another one; lines alone leave its ground to the text."""
    before, after = _two(rng)
    guide = rng.choice(FOLLOWED)
    if guide is Guide.EDGES and rng.random() < 0.5:
        after = replace(after, background=rng.choice(list(BACKGROUNDS)))
    seed = rng.random()
    source, target = _drawn(before, seed, size), _drawn(after, seed, size)
    return _example(rng, after, source, target, guide, None)


def _by_reference(rng: Random, size: Size) -> Example:
    """A clip of what a picture shows; its caption leaves out the color."""
    one = _labels(rng)
    target = _drawn(one, rng.random(), size)
    still, _ = _drawn(replace(one, motion="standing still"), rng.random(), (1, *size[1:]))
    caption = rng.choice(("", _without(exact(one), one.color), _without(exact(one), one.color)))
    drawn = _free_example(caption, target)
    return replace(drawn, reference=_levels(still)[0])


def _free(rng: Random, size: Size) -> Example:
    """Text alone."""
    one = _labels(rng)
    return _free_example(random_caption(one, rng), _drawn(one, rng.random(), size))


def _without(caption: str, word: str) -> str:
    return caption.replace(f"{word} ", "", 1)


def _free_example(caption: str, target: tuple[Tensor, Tensor]) -> Example:
    made, distance = target
    frames = _levels(made)
    nothing = np.full(frames.shape, round(255 * guides.NOTHING), np.uint8)
    return Example(
        caption, frames, nothing, np.full(distance.shape, 255, np.uint8), _near(distance)
    )


def _example(
    rng: Random,
    wanted: Labels,
    source: tuple[Tensor, Tensor],
    target: tuple[Tensor, Tensor],
    guide: Guide,
    mask: NDArray[np.uint8] | None,
) -> Example:
    frames = _levels(source[0])
    shown = (255 * guides.shown(frames, guide, mask)).round().astype(np.uint8)
    everywhere = np.full(frames.shape[:3], 255, np.uint8)
    caption = rng.choice((exact(wanted), paraphrase(wanted, rng), random_caption(wanted, rng)))
    near = _near(torch.minimum(source[1], target[1]))
    return Example(caption, _levels(target[0]), shown, everywhere if mask is None else mask, near)


def _two(rng: Random) -> tuple[Labels, Labels]:
    """What a clip shows, and the same in another color; now and then in the same."""
    after = _labels(rng)
    return replace(after, color=rng.choice(list(COLORS))), after


def _shaped(one: Labels) -> list[Labels]:
    return [replace(one, shape=shape) for shape in SHAPES]


def _labels(rng: Random) -> Labels:
    (style,) = rng.choices(STYLES, STYLE_WEIGHTS)
    return random_labels(rng, (style,))


def _drawn(labels: Labels, seed: float, size: Size) -> tuple[Tensor, Tensor]:
    return draw_clip(labels, Random(seed), size[0], size[1:])


def _region(distance: Tensor, rng: Random, follows: bool) -> NDArray[np.uint8]:
    """A mask (T, H, W) over a shape: along with it, its whole way, or a box that holds it."""
    inside = distance < rng.uniform(1.5, 10)
    kind = rng.choice(("along", "way", "box") if follows else ("way", "box"))
    if kind != "along":
        inside = inside.any(0, keepdim=True).expand_as(inside)
    if kind == "box":
        rows, columns = inside[0].any(1).nonzero(), inside[0].any(0).nonzero()
        inside = torch.zeros_like(inside)
        inside[
            :, int(rows.min()) : int(rows.max()) + 1, int(columns.min()) : int(columns.max()) + 1
        ] = True
    return (inside.numpy() * 255).astype(np.uint8)


def _levels(clip: Tensor) -> Frames:
    return (clip.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


def _near(distance: Tensor) -> NDArray[np.uint8]:
    return (distance < 3).byte().numpy()


def stacked(examples: Iterable[Example], name: str) -> Tensor:
    """One of the arrays of all examples, (B, T, H, W) or (B, T, H, W, 3)."""
    return torch.from_numpy(np.stack([getattr(one, name) for one in examples]))
