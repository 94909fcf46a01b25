"""All files of a model: found on this disk, or fetched one source after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.model import Weights
from wan_demo.domain.source import Source
from wan_demo.hub.cache import find, is_whole
from wan_demo.hub.connection import Stopped
from wan_demo.hub.download import fetch

OnBytes = Callable[[int, int], None]
"""Told the bytes that are here and all bytes, of the source that is being fetched."""


def find_checkpoint(weights: Weights, root: Path | None = None) -> Checkpoint | None:
    """The files where all of them are here, else None; asks no network."""
    places = {source: find(source, root) for source in weights.sources}
    here = {source: place for source, place in places.items() if place is not None}
    if len(here) < len(places) or _is_missing(weights):
        return None
    return _checkpoint(weights, here)


def fetch_checkpoint(
    weights: Weights,
    on_bytes: OnBytes,
    stopped: Stopped,
    root: Path | None = None,
    endpoint: str | None = None,
) -> Checkpoint:
    """The files, those that are missing fetched first.

    Raises DownloadFailed, NoRoomForModel, and DownloadStopped once ``stopped`` says so; what has
    arrived is kept.
    """
    places = {
        source: fetch(source, on_bytes, stopped, root=root, endpoint=endpoint)
        for source in weights.sources
    }
    return _checkpoint(weights, places)


def local_checkpoint(weights: Weights) -> Checkpoint:
    """The files of a model that needs no hub, whether they are whole or not."""
    return _checkpoint(weights, {})


def _is_missing(weights: Weights) -> bool:
    """Whether something that a person put on this machine is gone."""
    base, files = weights.base, (*weights.replaced.values(), *weights.heads.values())
    is_partial = isinstance(base, Path) and not is_whole(base)
    return is_partial or any(isinstance(file, Path) and not file.is_file() for file in files)


def _checkpoint(weights: Weights, places: Mapping[Source, Path]) -> Checkpoint:
    def files(sources: Mapping[str, Source | Path]) -> dict[str, Path]:
        return {
            part: one if isinstance(one, Path) else places[one] / one.patterns[0]
            for part, one in sources.items()
        }

    base = weights.base
    return Checkpoint(
        folder=base if isinstance(base, Path) else places[base],
        replaced=files(weights.replaced),
        loras=files(weights.loras),
        heads=files(weights.heads),
    )
