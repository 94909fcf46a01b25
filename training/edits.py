"""Command line: `python -m training.edits` measures style edits with the shipped weights.

Clips of another color on textured and graded grounds are recolored by the app's own engine and
written by its own encoder; what is read is the decoded MP4.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor

from training import measure
from training.captions import exact
from training.pictures import draw_clip
from training.reader import read
from training.shapes import COLORS, Labels
from wan_demo import catalog
from wan_demo.bootstrap import make_locate
from wan_demo.domain.events import Finished, Frames, Mask
from wan_demo.domain.medium import Medium
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.rules import complete
from wan_demo.domain.windows import latent_frames, spans
from wan_demo.engine.base import Inputs
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.media.encode import write_mp4
from wan_demo.settings import Settings

SIDE, FRAMES, FPS = 96, 17, 8
LONG = 105
"""Frames that take four windows."""

STEP = 1.5
"""Times a clip's median step: what is more where windows meet may be seen."""

OUTSIDE, INSIDE, MARGIN = 4.0, -2.0, 3.0
"""Pixels from a shape's edge: ground that must stay, the shape's own color, a mask's edge."""

STRENGTHS = (0.09, 0.17, 0.25, 0.42, 0.6)
N_MAX = (3, 4, 5, 6, 7, 8)
STEPS = 12
PARTS = ("renoise", "flow_edit", "mask", "windows", "vace")
GUIDES = ("video", "edges", "gray", "blur")


@dataclass(frozen=True)
class Source:
    """A clip as an MP4 gives it back, what it is to become, and the distance from its shape."""

    wanted: Labels
    seed: int
    caption: str
    frames: Frames
    distance: Tensor


@dataclass(frozen=True)
class Edit:
    """What became of a clip: verdicts, decibels of the ground, and of moving ones the path."""

    color: bool
    shape: bool
    ground: float
    path: float | None


def main() -> None:
    """Measure the chosen parts and print a line for each figure."""
    parser = argparse.ArgumentParser(description="Measure style edits with the bundled model.")
    parser.add_argument("--clips", type=int, default=96)
    parser.add_argument(
        "--few", type=int, default=24, help="clips for each point of a curve, and long ones"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    args = parser.parse_args()
    parts = {
        "renoise": lambda: _renoise(args.clips, args.few),
        "flow_edit": lambda: _flow_edits(args.clips, args.few),
        "mask": lambda: _masks(args.clips),
        "vace": lambda: _vace(args.clips, args.few),
        "windows": lambda: _windows(args.few),
    }
    for part in args.parts:
        parts[part]()


def _renoise(clips: int, few: int) -> None:
    for strength in STRENGTHS:
        _print(f"re-noise, strength {strength}", few, strength=strength)
    _print("re-noise, strength 0.17", clips, strength=0.17)
    _print(f"re-noise, default strength {catalog.BUNDLED.defaults.strength}", clips)


def _flow_edits(clips: int, few: int) -> None:
    for n_max in N_MAX:
        _flow_edit(f"FlowEdit, n_max {n_max}", few, strength=(n_max + 0.5) / STEPS)
    for guidance in (1.0, 3.0, 4.0):
        _flow_edit(f"FlowEdit, guidance {guidance:g}", few, guidance_scale=guidance)
    _flow_edit("FlowEdit, n_avg 2", few, n_avg=2)
    _flow_edit("FlowEdit, n_min 1", few, n_min=1)
    _print("FlowEdit, no source prompt", clips, method="flow_edit")
    _flow_edit("FlowEdit, defaults", clips)


def _masks(clips: int) -> None:
    for method in ("renoise", "flow_edit"):
        _masked(method, clips, method=method)


def _vace(clips: int, few: int) -> None:
    """Along each guide, over the whole picture and inside a mask; and a mask with nothing shown."""
    spec = catalog.find("wan-tiny-vace")
    for guide in GUIDES:
        _print(f"VACE along its {guide}", few, spec=spec, guide=guide)
        _masked(f"VACE, {guide}", few, spec=spec, guide=guide)
    _masked("VACE, blank", clips, spec=spec, guide="blank")


def sources(count: int, frames: int = FRAMES) -> Iterator[Source]:
    """Held-out and seen labels by turns, the grounds graded and textured by turns."""
    for seed, one in enumerate(measure.prompt_set(count)):
        wanted = replace(one, style=("gradient", "textured")[seed % 2])
        rng = Random(100 + seed)
        other = rng.choice([color for color in COLORS if color != one.color])
        before = replace(wanted, color=other)
        clip, distance = draw_clip(before, rng, frames, (SIDE, SIDE))
        levels = (clip.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        yield Source(wanted, seed, exact(before), through_the_encoder(levels), distance)


def through_the_encoder(frames: Frames) -> Frames:
    """Frames as the app writes them, decoded."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_mp4(frames, FPS, path, {})
        with av.open(path) as container:
            decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack(decoded).astype(np.uint8)


@cache
def _engine() -> PipelineEngine:
    return PipelineEngine(catalog.find, make_locate(Settings()), "cpu")


def edit(
    source: Source, region: Mask | None = None, spec: ModelSpec = catalog.BUNDLED, **given: Any
) -> Frames:
    """The edited clip as its MP4 is decoded; ``given`` are fields of the request."""
    count = len(source.frames)
    medium = Medium("video", SIDE, SIDE, count, FPS, count / FPS)
    fields: dict[str, Any] = {
        "task": "video_to_video",
        "prompt": exact(source.wanted),
        "video": "source",
        "num_frames": count,
        "seed": 3000 + source.seed,
        **given,
    }
    request = complete(fields | {"model": spec.id}, spec, medium)
    for event in _engine().generate(request, Inputs(video=source.frames, mask=region)):
        if isinstance(event, Finished):
            return through_the_encoder(event.frames)
    raise RuntimeError("no clip was made")


def judge(source: Source, made: Frames) -> Edit:
    """What the reader sees, against what was wanted and what was there."""
    before, after = _tensor(source.frames), _tensor(made)
    seen, wanted = read(after), source.wanted
    ground = source.distance > OUTSIDE
    error = (after - before).permute(1, 0, 2, 3)[:, ground].square().mean()
    return Edit(
        color=_color(after, source.distance) == wanted.color,
        shape=seen.shape == wanted.shape,
        ground=float(-10 * error.clamp_min(1e-10).log10()),
        path=_path(wanted, read(before).centres, seen.centres),
    )


def _color(clip: Tensor, distance: Tensor) -> str:
    """The named color that is nearest to the mean within the shape."""
    mean = clip.permute(1, 0, 2, 3)[:, distance < INSIDE].mean(1) * 255
    return min(COLORS, key=lambda name: float((mean - torch.tensor(COLORS[name])).norm()))


def _path(wanted: Labels, before: Tensor, after: Tensor) -> float | None:
    if not wanted.motion.startswith("moving"):
        return None
    axis = 0 if wanted.motion in ("moving right", "moving left") else 1
    return float(torch.corrcoef(torch.stack([before[:, axis], after[:, axis]]))[0, 1])


def _tensor(frames: Frames) -> Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255


def _flow_edit(name: str, count: int, **given: Any) -> None:
    """With what the source shows now, which a person may type."""
    edits = [
        judge(one, edit(one, method="flow_edit", source_prompt=one.caption, **given))
        for one in sources(count)
    ]
    _line(name, edits)


def _print(name: str, count: int, **given: Any) -> None:
    _line(name, [judge(one, edit(one, **given)) for one in sources(count)])


def _line(name: str, edits: Sequence[Edit]) -> None:
    count = len(edits)
    paths = [one.path for one in edits if one.path is not None] or [math.nan]
    grounds = [one.ground for one in edits]
    print(
        f"{name:<34} clips {count:3}  color {100 * sum(one.color for one in edits) / count:5.1f}%  "
        f"shape {100 * sum(one.shape for one in edits) / count:5.1f}%  "
        f"ground {statistics.fmean(grounds):5.2f} dB (least {min(grounds):.1f})  "
        f"path {statistics.fmean(paths):.3f} (least {min(paths):.2f})",
        flush=True,
    )


def _masked(name: str, count: int, **given: Any) -> None:
    """Edits within a mask that follows the shape: the color inside, decibels outside."""
    colors, outside = [], []
    for one in sources(count):
        mask = ((one.distance < MARGIN).numpy() * 255).astype(np.uint8)
        caption: dict[str, Any] = (
            {"source_prompt": one.caption} if given.get("method") == "flow_edit" else {}
        )
        made = edit(one, mask, mask="mask", **given, **caption)
        colors.append(_color(_tensor(made), one.distance) == one.wanted.color)
        error = np.square(made[mask == 0].astype(float) - one.frames[mask == 0]).mean()
        outside.append(float(10 * np.log10(255**2 / max(error, 1e-6))))
    print(
        f"mask, {name:<28} clips {count:3}  color {100 * sum(colors) / count:5.1f}%  "
        f"outside {statistics.fmean(outside):.2f} dB (least {min(outside):.1f})",
        flush=True,
    )


def _windows(count: int) -> None:
    _long("FlowEdit, four windows", count, has_caption=True, method="flow_edit")
    _long("re-noise, four windows", count // 2, strength=0.17)


def _long(name: str, count: int, has_caption: bool = False, **given: Any) -> None:
    """The largest step between frames where windows begin and end, over the clip's median step.

    Beside it the same of as many places where a latent frame begins and no window: the bundled
    VAE's pictures change a little more from one latent to the next, with windows and without.
    """
    windows = spans(latent_frames(LONG), latent_frames(catalog.BUNDLED.limits.max_frames))
    edges = {latent for span in windows for latent in (span.start, span.stop)}
    seams = [4 * latent - 4 for latent in sorted(edges) if 0 < latent < latent_frames(LONG)]
    others = [seam + 8 for seam in seams]
    assert not {*seams} & {*others}
    at_seams, elsewhere, edits = [], [], []
    for one in sources(count, LONG):
        caption: dict[str, Any] = {"source_prompt": one.caption} if has_caption else {}
        made = edit(one, **given, **caption)
        steps = np.abs(np.diff(made.astype(float), axis=0)).mean((1, 2, 3))
        at_seams.append(max(steps[seams]) / np.median(steps))
        elsewhere.append(max(steps[others]) / np.median(steps))
        edits.append(judge(one, made))
    _line(name, edits)
    print(
        f"  largest step over the median: at seams mean {statistics.fmean(at_seams):.2f}, "
        f"most {max(at_seams):.2f}, above {STEP:g} in {sum(one > STEP for one in at_seams)}; "
        f"elsewhere mean {statistics.fmean(elsewhere):.2f}, "
        f"most {max(elsewhere):.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
