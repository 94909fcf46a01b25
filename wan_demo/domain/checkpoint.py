"""A model's files on this disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Checkpoint:
    """``folder`` is in diffusers' layout; ``replaced`` and ``loras`` are files by part names.

    See ``wan_demo.domain.model.Weights``.
    """

    folder: Path
    replaced: Mapping[str, Path]
    loras: Mapping[str, Path]
