"""All files of a spec as the hub would serve them: the base's folder, GGUF files, LoRA pairs."""

from __future__ import annotations

from pathlib import Path

import diffusers
import torch
from gguf import GGMLQuantizationType as Kind

from tests import gguf_files, lora_files, replicas
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.model import ModelSpec

KINDS = {"Q4_K_M": Kind.Q4_K, "Q5_K_M": Kind.Q5_K, "Q8_0": Kind.Q8_0}
"""The main kind of tensor in a published mixture, by the end of its file's name."""


def publish(spec: ModelSpec, root: Path) -> Checkpoint:
    """Write the files of ``spec`` below ``root``, with random weights of seed 0."""
    folder = replicas.publish(spec, root / "base")
    replaced = {part: _quantized(spec, part, folder, root) for part in spec.weights.replaced}
    loras = {part: _lora(spec, part, folder, root) for part in spec.weights.loras}
    return Checkpoint(folder, replaced, loras)


def transformer(spec: ModelSpec, folder: Path, part: str = "transformer") -> torch.nn.Module:
    """One transformer of a published folder, in fp32."""
    builder = getattr(diffusers, spec.architecture.transformer_class)
    return builder.from_pretrained(folder, subfolder=part).float().eval()


def without_weights(folder: Path) -> None:
    """Leave of a part what its GGUF file's loader needs: the config."""
    for path in folder.glob("*.safetensors*"):
        path.unlink()


def _quantized(spec: ModelSpec, part: str, folder: Path, root: Path) -> Path:
    name = str(spec.weights.file_of(part))
    kind = next(kind for ending, kind in KINDS.items() if name.endswith(f"{ending}.gguf"))
    path = root / name.replace("/", "-")
    gguf_files.write(path, transformer(spec, folder, part).state_dict(), kind)
    without_weights(folder / part)
    return path


def _lora(spec: ModelSpec, part: str, folder: Path, root: Path) -> Path:
    """As lightx2v publishes Lightning's pair."""
    path = root / spec.weights.loras[part].patterns[0].replace("/", "-")
    pairs = lora_files.matrices(transformer(spec, folder, part), seed=len(part))
    return lora_files.write(path, pairs, "lightx2v", alpha=2.0)
