"""All files of a spec as the hub would serve them: the base's folder, GGUF files, LoRA pairs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import diffusers
import torch
from gguf import GGMLQuantizationType as Kind

from tests import gguf_files, lora_files, replicas
from tests.hub.server import HubServer
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.source import Source

KINDS = {"Q4_K_M": Kind.Q4_K, "Q5_K_M": Kind.Q5_K, "Q8_0": Kind.Q8_0}
"""The main kind of tensor in a published mixture, by the end of its file's name."""


def publish(spec: ModelSpec, root: Path) -> Checkpoint:
    """Write the files of ``spec`` below ``root``, with random weights of seed 0."""
    folder = replicas.publish(spec, root / "base")
    replaced = {
        part: _quantized(spec, part, folder, root / _flat(spec.weights.file_of(part)))
        for part in spec.weights.replaced
    }
    for part in replaced:
        without_weights(folder / part)
    loras = {
        part: _lora(spec, part, folder, root / _flat(source.patterns[0]))
        for part, source in spec.weights.loras.items()
    }
    return Checkpoint(folder, replaced, loras)


def serve(specs: Iterable[ModelSpec], hub: HubServer) -> None:
    """Put all repos of ``specs`` on ``hub``, under their own names and at their own commits."""
    for spec in specs:
        base = spec.weights.base
        assert isinstance(base, Source)
        folder = hub.root / base.repo
        if not folder.exists():
            replicas.publish(spec, folder)
        for part, source in spec.weights.replaced.items():
            _quantized(spec, part, folder, _place(source, hub))
        for part, source in spec.weights.loras.items():
            _lora(spec, part, folder, _place(source, hub))
        pins = {source.repo: source.commit for source in spec.weights.sources if source.commit}
        hub.pinned |= pins


def transformer(spec: ModelSpec, folder: Path, part: str = "transformer") -> torch.nn.Module:
    """One transformer of a published folder, in fp32."""
    builder = getattr(diffusers, spec.architecture.transformer_class)
    return builder.from_pretrained(folder, subfolder=part).float().eval()


def without_weights(folder: Path) -> None:
    """Leave of a part what its GGUF file's loader needs: the config."""
    for path in folder.glob("*.safetensors*"):
        path.unlink()


def _flat(name: str | None) -> str:
    return str(name).replace("/", "-")


def _place(source: Source | Path, hub: HubServer) -> Path:
    assert isinstance(source, Source)
    path = hub.root / source.repo / source.patterns[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _quantized(spec: ModelSpec, part: str, folder: Path, path: Path) -> Path:
    kind = next(kind for ending, kind in KINDS.items() if path.name.endswith(f"{ending}.gguf"))
    gguf_files.write(path, transformer(spec, folder, part).state_dict(), kind)
    return path


def _lora(spec: ModelSpec, part: str, folder: Path, path: Path) -> Path:
    """As lightx2v publishes Lightning's pair."""
    pairs = lora_files.matrices(transformer(spec, folder, part), seed=len(part))
    return lora_files.write(path, pairs, "lightx2v", alpha=2.0)
