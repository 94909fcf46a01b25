"""A model's files on this disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Checkpoint:
    """``folder`` is in diffusers' layout; all others are files by part names.

    See ``wan_demo.domain.model.Weights``.
    """

    folder: Path
    replaced: Mapping[str, Path]
    loras: Mapping[str, Path]
    heads: Mapping[str, Path] = field(default_factory=dict)
