"""Batches of drawn frames for the autoencoder: moving shapes and panned textures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training import shapes, textures
from training.shapes import Labels


@dataclass(frozen=True)
class Batch:
    """`frames` (B, 3, T, H, W) in [-1, 1]; `near` (B, 1, T, H, W) is one on and about shapes."""

    frames: Tensor
    near: Tensor


def draw_clip(
    labels: Labels, rng: Random, frames: int, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """A whole clip (T, 3, H, W) in [0, 1] and its signed distance (T, H, W)."""
    path = shapes.random_path(labels, rng, *size)
    ground = textures.backdrop(labels.style, shapes.BACKGROUNDS[labels.background], rng, size)
    return shapes.draw(labels, path, shapes.clip_times(frames), size, ground)


class Painter:
    """Draws training batches for the autoencoder."""

    def __init__(self, seed: int, device: torch.device, textures_share: float = 0.27) -> None:
        self.rng, self.device = Random(seed), device
        self.textures_share = textures_share
        self.pool = textures.Pool(800, seed)

    def batch(self, count: int, frames: int, height: int, width: int) -> Batch:
        """A fresh batch; about a quarter of it are textures."""
        drawn = [self._one(frames, (height, width)) for _ in range(count)]
        clips = torch.stack([clip for clip, _ in drawn]).transpose(1, 2)
        near = torch.stack([near for _, near in drawn])[:, None]
        return Batch((clips * 2 - 1).to(self.device), near.to(self.device))

    def _one(self, frames: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        if self.rng.random() < self.textures_share:
            clip = self._pan(frames, size)
            return clip, torch.zeros(frames, *size)
        return self._shape(frames, size)

    def _pan(self, frames: int, size: tuple[int, int]) -> Tensor:
        """A window that drifts over a texture: (T, 3, H, W)."""
        room = 16 if frames > 1 else 0
        image = self.pool.crop(self.rng, size[0] + room, size[1] + room)
        dy, dx = self.rng.uniform(-1, 1) * room / 2, self.rng.uniform(-1, 1) * room / 2
        tops = [round(room / 2 + dy * (2 * t - 1)) for t in shapes.clip_times(frames).tolist()]
        lefts = [round(room / 2 + dx * (2 * t - 1)) for t in shapes.clip_times(frames).tolist()]
        windows = [
            image[:, y : y + size[0], x : x + size[1]] for y, x in zip(tops, lefts, strict=True)
        ]
        return torch.stack(windows)

    def _shape(self, frames: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        rng = self.rng
        style = rng.choices(shapes.STYLES, (0.6, 0.2, 0.2))[0]
        labels = shapes.random_labels(rng, (style,))
        path = shapes.random_path(labels, rng, *size)
        if rng.random() < 0.2:
            turn = rng.uniform(0, 6.28)
            path = replace(path, angles=(turn, turn + rng.uniform(-3, 3)))
        times = shapes.clip_times(frames) if frames > 1 else torch.rand(1)
        ground = self._ground(labels, size)
        clip, outline = shapes.draw(labels, path, times, size, ground)
        if rng.random() < 0.15:
            clip = clip[:, rng.sample(range(3), 3)] * rng.uniform(0.6, 1.0)
        return clip, (outline < 3).float()

    def _ground(self, labels: Labels, size: tuple[int, int]) -> Tensor:
        if self.rng.random() < 0.06:
            return self.pool.crop(self.rng, *size)
        rgb = shapes.BACKGROUNDS[labels.background]
        return textures.backdrop(labels.style, rgb, self.rng, size)


class _Endless(IterableDataset[Batch]):
    """Batches of sizes drawn by lot, each worker with a painter of its own."""

    def __init__(self, sizes: Sequence[Sequence[int]], seed: int) -> None:
        self.sizes, self.seed = sizes, seed

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        worker = get_worker_info()
        seed = self.seed + 1000 * (worker.id if worker else 0)
        painter, rng = Painter(seed, torch.device("cpu")), Random(seed)
        while True:
            yield painter.batch(*rng.choice(self.sizes))


def drawn_aside(
    sizes: Sequence[Sequence[int]], seed: int, workers: int, device: torch.device
) -> Iterator[Batch]:
    """Batches without end, drawn by other processes: a GPU is faster than one that draws."""
    loader = DataLoader(_Endless(sizes, seed), batch_size=None, num_workers=workers)
    for batch in loader:
        yield Batch(batch.frames.to(device), batch.near.to(device))


def contact_sheet(rows: list[Tensor], path: Path) -> None:
    """Saves rows of frames, each (N, 3, H, W) in [-1, 1] and of equal size, as one PNG."""
    sheet = torch.cat([torch.cat(list(row), dim=-1) for row in rows], dim=-2)
    pixels = ((sheet.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0)
    Image.fromarray(pixels.cpu().numpy()).save(path)
