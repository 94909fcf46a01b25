"""Precomputes latents of captioned clips with the frozen autoencoder."""

# diffusers annotates loosely and exports lazily.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor
from torch.nn import functional

from training import fast_vae
from training.common import load_checkpoint, save_checkpoint
from training.pictures import draw_clip
from training.shapes import COLORS, STYLES, Labels, held_out, random_labels

log = logging.getLogger(__name__)

# (frames, height, width): how many clips.
BUCKETS: dict[tuple[int, int, int], int] = {
    (9, 64, 64): 400,
    (17, 64, 64): 2400,
    (17, 96, 96): 2000,
    (17, 64, 96): 160,
    (17, 96, 64): 160,
    (9, 96, 96): 160,
    (33, 64, 64): 120,
    (25, 80, 80): 120,
    (13, 112, 80): 120,
    (13, 80, 112): 120,
    (17, 128, 128): 100,
    (21, 80, 128): 80,
    (33, 96, 96): 80,
}
_STYLE_WEIGHTS = (0.84, 0.08, 0.08)

PAIRS = 640
"""Clips of 17 frames of 96x96 that are drawn in a second color as well."""

SPIN_SHARE = 0.3
"""Of the clips, this share is made to spin where that can be seen: it is learned last (LOG.md)."""


@dataclass(frozen=True)
class Bucket:
    """Clips of one size: raw `latents` (N, z, t, h, w), `near` (N, 1, t, h, w), `labels` (N)."""

    latents: Tensor
    near: Tensor
    labels: list[Labels]


@dataclass(frozen=True)
class Pairs:
    """Clips and `before` (N, z, t, h, w), the raw latents of the same in another color."""

    clips: Bucket
    before: Tensor


@dataclass(frozen=True)
class Latents:
    """All buckets and the pairs, with the mean and deviation (z,) of the buckets' latents."""

    buckets: dict[tuple[int, int, int], Bucket]
    pairs: Pairs
    mean: Tensor
    std: Tensor


def precompute(vae: AutoencoderKLWan, path: Path, share: float = 1.0, seed: int = 1) -> None:
    """Draws and encodes `share` of `BUCKETS` and of `PAIRS` and saves them to `path`."""
    rng = Random(seed)
    buckets = {
        key: _bucket(vae, rng, key, max(4, round(count * share))) for key, count in BUCKETS.items()
    }
    pairs = _pairs(vae, rng, max(4, round(PAIRS * share)))
    mean, std = _statistics(list(buckets.values()))
    stored = {key: _to_plain(bucket) for key, bucket in buckets.items()}
    twice = {"clips": _to_plain(pairs.clips), "before": pairs.before}
    save_checkpoint(path, {"buckets": stored, "pairs": twice, "mean": mean, "std": std})


def load(path: Path) -> Latents:
    """Reads what `precompute` saved."""
    state = load_checkpoint(path, torch.device("cpu"))
    if state is None:
        raise FileNotFoundError(f"no latents at {path}: run the stage 'latents' first")
    buckets = {key: _from_plain(plain) for key, plain in state["buckets"].items()}
    pairs = Pairs(_from_plain(state["pairs"]["clips"]), state["pairs"]["before"])
    return Latents(buckets, pairs, state["mean"], state["std"])


def coarse(near: Tensor) -> Tensor:
    """Pixel mask (T, H, W) to latent cells (t, H/8, W/8): set where any pixel is."""
    pooled = functional.max_pool2d(near[:, None], 8)[:, 0]
    first, rest = pooled[:1], pooled[1:]
    return torch.cat([first, rest.unflatten(0, (-1, 4)).amax(1)]) if len(rest) else first


def _bucket(vae: AutoencoderKLWan, rng: Random, key: tuple[int, int, int], count: int) -> Bucket:
    labels = [_labels(rng) for _ in range(count)]
    return _encoded(vae, labels, [rng.random() for _ in labels], key)


def _pairs(vae: AutoencoderKLWan, rng: Random, count: int) -> Pairs:
    """The same paths on the same ground, drawn in the captions' colors and in others."""
    labels = [_labels(rng) for _ in range(count)]
    seeds = [rng.random() for _ in labels]
    others = [
        replace(one, color=rng.choice([c for c in COLORS if c != one.color])) for one in labels
    ]
    size = (17, 96, 96)
    return Pairs(_encoded(vae, labels, seeds, size), _encoded(vae, others, seeds, size).latents)


@torch.no_grad()
def _encoded(
    vae: AutoencoderKLWan, labels: list[Labels], seeds: list[float], key: tuple[int, int, int]
) -> Bucket:
    """Clips of size `key`, each drawn with the paths and grounds of its seed."""
    frames, height, width = key
    device = next(vae.parameters()).device
    chunks: list[Tensor] = []
    masks: list[Tensor] = []
    plans = list(zip(labels, seeds, strict=True))
    for start in range(0, len(plans), 4):
        some = plans[start : start + 4]
        drawn = [draw_clip(one, Random(seed), frames, (height, width)) for one, seed in some]
        clips = torch.stack([clip for clip, _ in drawn]).transpose(1, 2) * 2 - 1
        with torch.autocast(device.type, dtype=torch.bfloat16):
            chunks.append(fast_vae.encode(vae, clips.to(device)).half().cpu())
        masks += [coarse((outline < 1).float()).byte() for _, outline in drawn]
    log.info("%d clips of %d frames, %dx%d", len(labels), frames, width, height)
    return Bucket(torch.cat(chunks), torch.stack(masks)[:, None], labels)


def _labels(rng: Random) -> Labels:
    """Labels of a training clip; more of them spin than evenness would have."""
    labels = random_labels(rng, (rng.choices(STYLES, _STYLE_WEIGHTS)[0],))
    spun = replace(labels, motion="spinning")
    is_wanted = rng.random() < SPIN_SHARE and spun.shape != "circle" and not held_out(spun)
    return spun if is_wanted else labels


def _statistics(buckets: list[Bucket]) -> tuple[Tensor, Tensor]:
    """Mean and deviation (z,) over all latents."""
    values = torch.cat([b.latents.transpose(0, 1).flatten(1).float() for b in buckets], dim=1)
    return values.mean(1), values.std(1)


def _to_plain(bucket: Bucket) -> dict[str, Any]:
    labels = [asdict(one) for one in bucket.labels]
    return {"latents": bucket.latents, "near": bucket.near, "labels": labels}


def _from_plain(plain: dict[str, Any]) -> Bucket:
    return Bucket(plain["latents"], plain["near"], [Labels(**one) for one in plain["labels"]])
