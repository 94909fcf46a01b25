"""The measurements of the shipped model: what the reader sees in clips that came through an MP4."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

import torch
from torch import Tensor

from training.captions import exact
from training.mp4 import through_mp4
from training.pictures import draw_clip
from training.reader import Reading, read, same_motion
from training.sample import Sampler, Settings
from training.shapes import BACKGROUNDS, COLORS, MOTIONS, SHAPES, Labels, held_out


@dataclass(frozen=True)
class Score:
    """One clip's verdicts."""

    wanted: Labels
    reading: Reading

    @property
    def verdicts(self) -> dict[str, bool]:
        """Right or wrong, a word of the grammar each."""
        want, got = self.wanted, self.reading
        return {
            "color": got.color == want.color,
            "background": got.background == want.background,
            "motion": same_motion(want.motion, got.motion, want.shape),
            "shape": got.shape == want.shape,
        }


def prompt_set(count: int) -> list[Labels]:
    """`count` labels, half of them held-out triples, spread evenly over the grammar."""
    every = [
        Labels(c, s, m, b) for b in BACKGROUNDS for m in MOTIONS for s in SHAPES for c in COLORS
    ]
    Random(7).shuffle(every)
    unseen = [one for one in every if held_out(one)]
    seen = [one for one in every if not held_out(one)]
    return _even(unseen, count // 2) + _even(seen, count - count // 2)


def _even(labels: list[Labels], count: int) -> list[Labels]:
    """Picks so that each color, shape, motion and background comes equally often, or nearly."""
    left, picked = list(labels), []
    used: dict[tuple[str, str], int] = {}
    for _ in range(count):
        best = min(left, key=lambda one: sum(used.get(w, 0) ** 2 for w in _words(one)))
        left.remove(best)
        picked.append(best)
        for word in _words(best):
            used[word] = used.get(word, 0) + 1
    return picked


def _words(one: Labels) -> list[tuple[str, str]]:
    return [("c", one.color), ("s", one.shape), ("m", one.motion), ("b", one.background)]


def text_to_video(sampler: Sampler, labels: list[Labels], how: Settings) -> list[Score]:
    """Scores of one clip for each of `labels`, in batches of eight, seeds 1000 and up."""
    scores = []
    for start in range(0, len(labels), 8):
        some = labels[start : start + 8]
        seeds = [1000 + start + i for i in range(len(some))]
        clips = sampler.from_text([exact(one) for one in some], seeds, how)
        pairs = zip(some, clips, strict=True)
        scores += [Score(one, read(through_mp4(clip))) for one, clip in pairs]
    return scores


def rates(scores: list[Score]) -> dict[str, float]:
    """Share of right verdicts in percent, a word of the grammar each."""
    columns = ("color", "background", "motion", "shape")
    return {c: 100 * sum(s.verdicts[c] for s in scores) / max(1, len(scores)) for c in columns}


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of two pictures in [0, 1]."""
    return float(-10 * (a - b).square().mean().clamp_min(1e-10).log10())


@dataclass(frozen=True)
class ImageScore:
    """Image-to-video: the verdicts, and how near the first frame is to the input (dB)."""

    score: Score
    first_frame: float


def image_to_video(sampler: Sampler, labels: list[Labels], how: Settings) -> Iterator[ImageScore]:
    """One clip for each of `labels`, started at a drawn first frame."""
    for seed, one in enumerate(labels):
        source, _ = draw_clip(one, Random(seed), how.num_frames, (how.height, how.width))
        clip = through_mp4(sampler.from_image(exact(one), source[0], 2000 + seed, how))
        yield ImageScore(Score(one, read(clip)), psnr(clip[0], source[0]))


@dataclass(frozen=True)
class VideoScore:
    """Video-to-video: verdicts, path correlation (translating clips) or drift in pixels."""

    score: Score
    correlation: float | None
    drift: float


def video_to_video(sampler: Sampler, labels: list[Labels], how: Settings) -> Iterator[VideoScore]:
    """A drawn clip of another color for each of `labels`, repainted after the caption."""
    for seed, one in enumerate(labels):
        rng = Random(100 + seed)
        other = rng.choice([c for c in COLORS if c != one.color])
        shape = (how.height, how.width)
        source, _ = draw_clip(replace(one, color=other), rng, how.num_frames, shape)
        clip = through_mp4(sampler.from_video(exact(one), source, 3000 + seed, how))
        yield _video_score(one, read(source), read(clip))


def _video_score(wanted: Labels, source: Reading, result: Reading) -> VideoScore:
    drift = float((result.centres - source.centres).norm(dim=1).mean())
    if not wanted.motion.startswith("moving"):
        return VideoScore(Score(wanted, result), None, drift)
    axis = 0 if wanted.motion in ("moving right", "moving left") else 1
    paths = torch.stack([source.centres[:, axis], result.centres[:, axis]])
    return VideoScore(Score(wanted, result), float(torch.corrcoef(paths)[0, 1]), drift)


def seconds(action: Callable[[], object], times: int = 5) -> float:
    """Median wall time of `action`, after one warm-up."""
    action()
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        spent.append(time.perf_counter() - start)
    return sorted(spent)[times // 2]
