"""What every stage shares: moving averages, the learning-rate cycle, checkpoints, the curve."""

from __future__ import annotations

import csv
import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class Ema:
    """Exponential moving average of a module's parameters."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {name: p.detach().clone() for name, p in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Moves towards `module`, faster in the first steps."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, parameter in module.named_parameters():
            self.state[name].lerp_(parameter.detach(), weight)

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Writes the averages into `module`."""
        for name, parameter in module.named_parameters():
            parameter.copy_(self.state[name])


def one_cycle(progress: float, peak: float, warmup: float = 0.04) -> float:
    """Learning rate at `progress` in [0, 1]: a linear warm-up to `peak`, then half a cosine."""
    if progress < warmup:
        return peak * (0.05 + 0.95 * progress / warmup)
    done = min(1.0, (progress - warmup) / (1 - warmup))
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def trapezoid(progress: float, peak: float, warmup: float = 0.03, fall: float = 0.75) -> float:
    """Learning rate at `progress` in [0, 1]: up to `peak`, level, from `fall` on down to zero."""
    if progress < fall:
        return peak * min(1.0, 0.05 + 0.95 * progress / warmup)
    return peak * max(0.01, (1 - progress) / (1 - fall))


@dataclass
class Clock:
    """Training time spent, over all the runs that resumed one another; in seconds."""

    budget: float
    spent: float = 0.0
    _last: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """Counts from now on, and nothing of what came before."""
        self._last = time.monotonic()

    def tick(self) -> float:
        """Adds the time since the last tick; returns progress in [0, 1]."""
        now = time.monotonic()
        self.spent, self._last = self.spent + now - self._last, now
        return self.progress

    @property
    def progress(self) -> float:
        """How much of the budget was spent at the last tick, 0 to 1."""
        return min(1.0, self.spent / self.budget)


class Curve:
    """Appends rows to a CSV file, with its header first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, row: dict[str, float | int | str]) -> None:
        """Writes one row; all rows must have the same columns."""
        fresh = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if fresh:
                writer.writeheader()
            writer.writerow(row)


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Saves `state` whole or not at all."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any] | None:
    """The saved state, or None where there is none yet."""
    return torch.load(path, map_location=device, weights_only=True) if path.exists() else None


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def device_of(name: str) -> torch.device:
    """`name`, or CUDA where there is some and the CPU elsewhere for "auto"."""
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fan_in_normal(weight: Tensor, fan_in: int, gain: float = 1.0) -> None:
    """Fills `weight` so that unit-variance inputs give variance gain^2."""
    with torch.no_grad():
        weight.normal_(0, gain / math.sqrt(fan_in))
