"""Which of the catalogue's architectures a folder or a file on this disk is.

Only configs and headers are read: torch is not needed, and weights are looked at when they are
loaded. What matches no architecture, or more than one, is for a person to name in models.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

from wan_demo.domain.architecture import Architecture
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.pipelines import safetensors_header
from wan_demo.engine.pipelines.broken import BrokenFile
from wan_demo.engine.pipelines.folder import read_json
from wan_demo.engine.pipelines.gguf_header import read_header
from wan_demo.errors import InvalidRequest

Shapes = Mapping[str, tuple[int, ...]]

_KEYS = (
    *("num_layers", "num_attention_heads", "attention_head_dim", "in_channels", "out_channels"),
    *("ffn_dim", "text_dim", "image_dim", "pos_embed_seq_len", "vace_layers"),
)
"""What tells the architectures' transformers apart."""

_PREFIX = re.compile(r"^(?:model\.)?(?:diffusion_model\.)?")
_BLOCK = re.compile(r"blocks\.(\d+)\.")
_CONTROL = re.compile(r"vace_blocks\.(\d+)\.")


def recognise(path: Path, specs: Iterable[ModelSpec]) -> ModelSpec:
    """The first of ``specs`` that has the architecture of ``path``.

    ``path`` is a diffusers folder, or one file with a transformer (safetensors or GGUF). Raises
    InvalidRequest("model", ...) unless exactly one architecture fits.
    """
    known = _distinct(specs)
    try:
        if path.is_dir():
            found = [spec for spec in known if _is_folder_of(path, spec.architecture)]
        else:
            shapes = _shapes(path)
            found = [spec for spec in known if _is_file_of(shapes, spec.architecture)]
    except (BrokenFile, OSError) as error:
        fault = str(error).splitlines()[0] if str(error) else "it can't be read"
        raise InvalidRequest("model", path.name, f"can't be used: {fault}") from None
    if len(found) != 1 or (path.is_file() and found[0].architecture.experts == 2):
        raise _unclear(path, found)
    return found[0]


def _distinct(specs: Iterable[ModelSpec]) -> list[ModelSpec]:
    """One spec of each architecture."""
    known: list[ModelSpec] = []
    for spec in specs:
        if all(spec.architecture != other.architecture for other in known):
            known.append(spec)
    return known


def _unclear(path: Path, found: list[ModelSpec]) -> InvalidRequest:
    what = "folder" if path.is_dir() else "transformer"
    fitting = f" (it could be over {' or '.join(spec.id for spec in found)})" if found else ""
    allowed = (
        f"is no architecture that can be told by its sizes alone{fitting}; say what it is in "
        f"models.toml of the data folder: [[model]] with id, base and {what}"
    )
    return InvalidRequest("model", path.name, allowed)


def _is_folder_of(folder: Path, architecture: Architecture) -> bool:
    config = read_json(folder / "transformer" / "config.json")
    experts = 2 if (folder / "transformer_2" / "config.json").is_file() else 1
    wanted = architecture.transformer
    return (
        config.get("_class_name") == architecture.transformer_class
        and experts == architecture.experts
        and all(_plain(config.get(key)) == _plain(wanted.get(key)) for key in _KEYS)
    )


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _shapes(path: Path) -> Shapes:
    if path.suffix.lower() == ".gguf":
        shapes = {entry.name: entry.shape for entry in read_header(path).tensors}
    else:
        shapes = safetensors_header.check(path)
    return {_PREFIX.sub("", name): shape for name, shape in shapes.items()}


def _is_file_of(shapes: Shapes, architecture: Architecture) -> bool:
    """Whether the weights' shapes are those of the architecture, in Wan's names or diffusers'."""
    config = architecture.transformer
    width = config["num_attention_heads"] * config["attention_head_dim"]
    patch = prod(config["patch_size"])
    return (
        shapes.get("patch_embedding.weight", ())[:2] == (width, config["in_channels"])
        and _rows(shapes, "head.head.weight", "proj_out.weight") == patch * config["out_channels"]
        and _rows(shapes, "blocks.0.ffn.0.weight", "blocks.0.ffn.net.0.proj.weight")
        == config["ffn_dim"]
        and _count(shapes, _BLOCK) == config["num_layers"]
        and _count(shapes, _CONTROL) == len(config.get("vace_layers") or ())
        and _has(shapes, "img_emb.", "image_embedder.") == bool(config.get("image_dim"))
        and _has(shapes, "emb_pos", "pos_embed") == bool(config.get("pos_embed_seq_len"))
    )


def _rows(shapes: Shapes, *names: str) -> int | None:
    return next((shapes[name][0] for name in names if shapes.get(name)), None)


def _count(shapes: Shapes, block: re.Pattern[str]) -> int:
    numbers = {match[1] for name in shapes if (match := block.match(name))}
    return len(numbers)


def _has(shapes: Shapes, *parts: str) -> bool:
    return any(part in name for name in shapes for part in parts)
