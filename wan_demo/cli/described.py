"""A model in full: as JSON for programs, as text for people."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from wan_demo.domain.model import ModelSpec, Preset
from wan_demo.engine.memory import Machine, Needs, Offer, Rung, by_profile, offers
from wan_demo.hub.words import size

WIDEST = 100
"""Columns of text, however wide the terminal is."""


def as_json(spec: ModelSpec, is_here: bool, machine: Machine) -> dict[str, Any]:
    """A model and what it would do here; sizes are [width, height], counts of bytes whole."""
    defaults = spec.defaults
    return {
        "id": spec.id,
        "title": spec.title,
        "summary": spec.summary,
        "licence": spec.licence,
        "source": spec.weights.name,
        "revision": getattr(spec.weights.base, "revision", None),
        "files": {part: spec.weights.file_of(part) for part in spec.weights.replaced},
        "is_verified": spec.weights.is_verified,
        "available": is_here,
        "download_bytes": spec.download_bytes,
        "parameters": dict(spec.architecture.parameters),
        "tasks": [task.value for task in spec.tasks],
        "default_size": list(defaults.size),
        "sizes": {r.name: [list(size) for size in r.sizes.values()] for r in spec.resolutions},
        "num_frames": defaults.num_frames,
        "fps": defaults.fps,
        "num_inference_steps": defaults.num_inference_steps,
        "guidance_scale": defaults.guidance_scale,
        "guidance_scale_2": defaults.guidance_scale_2,
        "flow_shift": {r.name: r.flow_shift for r in spec.resolutions},
        "boundary_ratio": spec.boundary_ratio,
        "scheduler": spec.scheduler,
        "negative_prompt": defaults.negative_prompt,
        "max_sequence_length": spec.max_sequence_length,
        "limits": asdict(spec.limits),
        "presets": {preset.name: _overrides(preset) for preset in spec.presets},
        "memory": [_needed(rung, needs) for rung, needs in by_profile(spec).values()],
        "here": [_offered(each) for each in offers([spec], machine)],
    }


def as_text(spec: ModelSpec, is_here: bool, machine: Machine) -> str:
    """A model for people: a name and what it stands for in each row, as wide as the terminal."""
    width = min(shutil.get_terminal_size().columns, WIDEST)
    rows = [*_rows(spec, is_here), *_here(spec, machine)]
    indent = max(len(name) for name, _ in rows) + 2
    head = textwrap.fill(f"{spec.title} ({spec.id}). {spec.summary}", width)
    return "\n".join([head, "", *(_row(name, text, indent, width) for name, text in rows)])


def _row(name: str, text: str, indent: int, width: int) -> str:
    """Text beside its name; Chinese characters are two columns wide."""
    return textwrap.fill(
        text,
        width if text.isascii() else (width + indent) // 2,
        initial_indent=name.ljust(indent),
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )


def _rows(spec: ModelSpec, is_here: bool) -> Iterator[tuple[str, str]]:
    defaults, limits = spec.defaults, spec.limits
    yield "Makes", ", ".join(spec.tasks)
    yield "Files", "on this machine" if is_here else f"about {size(spec.download_bytes)} to fetch"
    yield "From", spec.weights.name
    if revision := getattr(spec.weights.base, "revision", None):
        yield "", f"revision {revision}"
    if not spec.weights.is_verified:
        yield "", "no source confirms a repo or a revision of it"
    for part in spec.weights.replaced:
        yield "", f"{part}: {spec.weights.file_of(part)}"
    yield "Licence", spec.licence
    counts = spec.architecture.parameters.items()
    yield "Parameters", ", ".join(f"{part} {_count(count)}" for part, count in counts)
    for number, each in enumerate(spec.resolutions):
        sides = ", ".join(f"{width}x{height}" for width, height in each.sizes.values())
        yield "" if number else "Sizes", f"{each.name}: {sides}"
    seconds = defaults.num_frames / defaults.fps
    frames = f"{defaults.num_frames} frames at {defaults.fps} fps, {seconds:.1f} s"
    yield "Length", f"{frames}; {limits.min_frames} to {limits.max_frames} frames can be made"
    yield "Steps", f"{defaults.num_inference_steps}, by {spec.scheduler}"
    yield "Guidance", _guidance(spec)
    yield (
        "Flow shift",
        ", ".join(f"{each.flow_shift:g} at {each.name}" for each in spec.resolutions),
    )
    yield "Presets", "; ".join(f"{preset.name.lower()}: {preset.hint}" for preset in spec.presets)
    if defaults.negative_prompt:
        yield "Negative prompt", defaults.negative_prompt


def _guidance(spec: ModelSpec) -> str:
    first, second = spec.defaults.guidance_scale, spec.defaults.guidance_scale_2
    if second is None:
        return f"{first:g}"
    return f"{first:g}, then {second:g} with the second expert, from {spec.boundary_ratio:g} on"


def _here(spec: ModelSpec, machine: Machine) -> Iterator[tuple[str, str]]:
    """What it would do on this machine, a row for each resolution."""
    for number, each in enumerate(offers([spec], machine)):
        clip = f"{each.clip.width}x{each.clip.height}, {each.clip.frames} frames"
        how = f" ({each.rung.name})" if each.rung else ""
        yield "" if number else "This machine", f"{clip}: {each.said}{how}"


def _count(numbers: int) -> str:
    """``1.4 billion``, ``3.2 million``."""
    return f"{numbers / 1e9:.1f} billion" if numbers >= 1e9 else f"{numbers / 1e6:.1f} million"


def _overrides(preset: Preset) -> dict[str, Any]:
    """What a preset sets besides the defaults; LoRAs as they are written."""
    return {
        name: [str(lora) for lora in value] if isinstance(value, tuple) else value
        for name, value in preset.overrides.items()
    }


def _needed(rung: Rung, needs: Needs) -> dict[str, Any]:
    """One way to keep a model on a GPU, with its precisions and the bytes that it takes."""
    return {
        "profile": rung.profile,
        "precision": rung.precision,
        "dtype": rung.dtype,
        "vae_dtype": rung.vae_dtype,
        "device_bytes": needs.device,
        "ram_bytes": needs.ram,
        "disk_bytes": needs.disk,
    }


def _offered(each: Offer) -> dict[str, Any]:
    """How a model would run here at one of its resolutions."""
    return {
        "resolution": each.resolution,
        "size": [each.clip.width, each.clip.height],
        "num_frames": each.clip.frames,
        "fits": each.fits,
        "said": each.said,
        "rung": each.rung.name if each.rung else None,
        "device_bytes": each.needs.device if each.needs else None,
        "ram_bytes": each.needs.ram if each.needs else None,
        "missing_bytes": each.missing,
    }
