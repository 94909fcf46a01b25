"""What a model wears for one request, and how a clip's metadata tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wan_demo.domain.lora import LoraFile, Worn
from wan_demo.engine.pipelines import lora, safetensors_header
from wan_demo.engine.pipelines.broken import BrokenFile, refuse
from wan_demo.engine.pipelines.provenance import sha256


def check(wanted: Worn) -> None:
    """Look at all files without reading weights, before a model is loaded for them.

    Raises ModelUnavailable with the first thing that is wrong.
    """
    for file in (one for files in wanted.values() for one in files):
        try:
            safetensors_header.check(file.path)
        except (BrokenFile, OSError) as error:
            raise refuse(f"The LoRA {file.path.name}", error) from error


def files_of(wanted: Worn) -> lora.Chosen:
    """The weights of the wanted files by the parts that they are for."""
    return {part: _by_path(files) for part, files in wanted.items()}


def wear(parts: Mapping[str, Any], wanted: Worn) -> None:
    """Make the wanted LoRAs those of ``parts``, and no others but the built-in ones.

    Raises ModelUnavailable, with everything as it was before.
    """
    lora.wear(parts, files_of(wanted))


def told(worn: Worn) -> dict[str, str]:
    """What the metadata says: a line for each file, the SHA-256 first.

    Raises ModelUnavailable for a file that is gone.
    """
    return {
        f"{part}_lora_{number}": _told(file)
        for part, files in worn.items()
        for number, file in enumerate(files, 1)
    }


def _by_path(files: Sequence[LoraFile]) -> dict[Path, float]:
    """Weights by files; one that goes by two names is worn once, with both weights."""
    real: dict[Path, Path] = {}
    weights: dict[Path, float] = {}
    for file in files:
        path = real.setdefault(file.path.resolve(), file.path)
        weights[path] = weights.get(path, 0.0) + file.weight
    return weights


def _told(file: LoraFile) -> str:
    try:
        return f"sha256:{sha256(file.path)} x {file.weight:g}, {file.name}"
    except OSError as error:
        raise refuse(f"The LoRA {file.name}", error) from error
