"""From a diffusers folder to parts in memory, by the classes of the catalogue and no others.

The folder's ``model_index.json`` is not consulted: which classes are built is the spec's say, so
that a folder cannot name code of its own.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKLWan
from transformers import AutoTokenizer, CLIPImageProcessor, CLIPVisionModel, UMT5EncoderModel

from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.pipelines import lora
from wan_demo.engine.pipelines.gguf import single_file
from wan_demo.engine.pipelines.provenance import revision
from wan_demo.errors import ModelUnavailable

log = logging.getLogger(__name__)

FAULTS = (OSError, ValueError, KeyError, TypeError, RuntimeError, AssertionError)
"""What diffusers and transformers raise for files that are not what they should be."""


@dataclass(frozen=True)
class Loaded:
    """One model in memory: its parts by their folders' names, and which weights these are."""

    spec: ModelSpec
    parts: dict[str, Any]
    revision: str


def load(spec: ModelSpec, files: Checkpoint, device: str) -> Loaded:
    """Read the parts of ``spec`` from its files onto ``device``.

    The transformer and the text encoder compute in bf16 on a GPU and in fp32 on the CPU, the VAE
    and the image encoder always in fp32, as Wan's own code has them. Raises ModelUnavailable.
    """
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    try:
        parts = {name: _part(spec, name, files, dtype) for name in _names(spec)}
        for part, path in files.loras.items():
            lora.attach(parts[part], path, "built-in")
        for part in parts.values():
            if isinstance(part, torch.nn.Module):
                part.eval().requires_grad_(False).to(device)
    except (ModelUnavailable, torch.AcceleratorError):  # said already; the device's end
        raise
    except FAULTS as error:
        log.exception("cannot load %s", spec.id)
        raise ModelUnavailable(f"The weights of {spec.title} can't be loaded: {error}") from error
    return Loaded(spec, parts, revision(files))


def _names(spec: ModelSpec) -> tuple[str, ...]:
    image = ("image_processor",) if spec.architecture.image_encoder else ()
    return ("tokenizer", *image, *spec.architecture.parts)


def _part(spec: ModelSpec, name: str, files: Checkpoint, dtype: torch.dtype) -> Any:
    folder = files.folder
    if name in files.replaced:
        return single_file(spec, name, files, dtype)
    if name == "tokenizer":
        return AutoTokenizer.from_pretrained(
            folder / name, local_files_only=True, trust_remote_code=False
        )
    if name == "image_processor":
        return CLIPImageProcessor.from_pretrained(folder / name, local_files_only=True)
    builder, dtype = _builder(spec, name, dtype)
    _check_class(folder / name, builder)
    return builder.from_pretrained(
        folder, subfolder=name, dtype=dtype, use_safetensors=True, local_files_only=True
    )


def _builder(spec: ModelSpec, name: str, dtype: torch.dtype) -> tuple[type[Any], torch.dtype]:
    """The class of a part, and what it computes in."""
    if name == "text_encoder":
        return UMT5EncoderModel, dtype
    if name == "image_encoder":
        return CLIPVisionModel, torch.float32
    if name == "vae":
        return AutoencoderKLWan, torch.float32
    return getattr(diffusers, spec.architecture.transformer_class), dtype


def _check_class(folder: Path, wanted: type[Any]) -> None:
    """Refuse a part of another class, which would load with its weights left at random."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    named = [config.get("_class_name"), *(config.get("architectures") or ())]
    found = [name for name in named if name]
    if found and not any(name.startswith(wanted.__name__) for name in found):
        raise ValueError(f"{folder.name} is a {found[0]} and not a {wanted.__name__}")
