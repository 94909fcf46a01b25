"""LoRA files of any trainer as one thing: for each layer of the transformer, what is added to it.

diffusers converts some of these formats, ignores others without an error, and fails on files that
train a part of the layers only (``loaders/lora_conversion_utils.py``, and the issues 11901, 12037,
12535 of huggingface/diffusers). All of them are the same numbers under different names, so they
are read here by one set of rules:

- diffusers and PEFT: ``transformer.blocks.0.attn1.to_q.lora_A.weight`` and ``lora_B``
- ComfyUI, ai-toolkit, diffusion-pipe: ``diffusion_model.blocks.0.self_attn.q.lora_A.weight``
- lightx2v, Kijai: the same with ``lora_down``, ``lora_up``, ``alpha``, ``diff_b``
- musubi-tuner and kohya: ``lora_unet_blocks_0_self_attn_q.lora_down.weight``
- any of them without its prefix
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from safetensors.torch import load_file

from wan_demo.engine.pipelines import safetensors_header
from wan_demo.engine.pipelines.broken import BrokenFile, plain
from wan_demo.engine.pipelines.lora_alpha import Alphas
from wan_demo.engine.pipelines.names import renamed, without_prefix

log = logging.getLogger(__name__)

Shapes = Mapping[str, tuple[int, ...]]
"""The layers that a LoRA can change, with the shapes of their weights: output first."""


@dataclass(frozen=True)
class Change:
    """What is added to one layer: ``up @ down`` to its weight, and ``bias`` to its bias.

    ``down`` is (rank, input), ``up`` (output, rank) with the file's alpha / rank in it.
    """

    down: torch.Tensor
    up: torch.Tensor
    bias: torch.Tensor | None = None


_ROLES = {
    "lora_A.weight": "down",
    "lora_A.default.weight": "down",
    "lora_down.weight": "down",
    "lora.down.weight": "down",
    "lora_B.weight": "up",
    "lora_B.default.weight": "up",
    "lora_up.weight": "up",
    "lora.up.weight": "up",
    "lora_B.bias": "bias",
    "lora_B.default.bias": "bias",
    "diff_b": "bias",
    "alpha": "alpha",
    "diff": "whole",
    "diff_m": "table",  # of a modulation table, which no adapter can add: left out, as norms are
}

LARGEST_WHOLE = 512
"""Outputs of a layer whose whole difference is taken as a LoRA of as many ranks (head.head)."""

LARGEST_SHARE = 0.3
"""Of the model's numbers: rank 256 on the layers of Wan2.1 1.3B, rank 800 on those of 14B."""

_OTHER_KINDS = {
    "dora_scale": "a DoRA",
    "lora_magnitude_vector": "a DoRA",
    "lokr_": "a LoKr",
    "hada_": "a LoHa",
    "oft_": "an OFT",
    "lora_mid": "a LoCon with a third matrix",
}

_OTHER_MODELS = {
    "single_transformer_blocks": "Flux",
    "double_blocks": "Flux or HunyuanVideo",
    "lora_te": "Stable Diffusion",
    "lora_unet_down_blocks": "Stable Diffusion",
    "lora_unet_input_blocks": "Stable Diffusion",
    "unet.": "Stable Diffusion",
    "joint_blocks": "Stable Diffusion 3",
}

# Layers that only some Wans have; a LoRA for those is used on others without them, as people do
# with Wan2.1 I2V's on Wan2.2, which has no image encoder.
_OPTIONAL = ("add_k_proj", "add_v_proj", "norm_added_k", "image_embedder", "vace_")

_UNDERSCORED = ("lora_unet_", "lora_transformer_", "lycoris_")
_DOTS = (
    (r"^(vace_)?blocks_(\d+)_", r"\1blocks.\2."),
    (r"(self|cross)_attn_", r"\1_attn."),
    (r"^img_emb_proj_", r"img_emb.proj_"),
    (r"(ffn|proj|time_embedding|text_embedding|time_projection)_(\d)$", r"\1.\2"),
    (r"^head_head$", r"head.head"),
)


def read(path: Path, layers: Shapes) -> dict[str, Change]:
    """The changes by the names of ``layers``; raises BrokenFile with the reason, or OSError.

    Reasons: no whole safetensors file, another kind of adapter, one for another model, one too
    large, NaN or infinity, or one that would change nothing.
    """
    shapes = safetensors_header.check(path)
    _check_kind(shapes)
    places = {key: _place(key, layers) for key in shapes}
    _check_places(places.values(), layers)
    _check_size(shapes, layers)
    alphas, found = Alphas.of(path), {}
    for layer, tensors in _by_layer(load_file(path), places).items():
        if layer in layers:
            found[layer] = _change(layer, tensors, layers[layer], alphas)
    changes = {layer: change for layer, change in found.items() if change is not None}
    for layer, change in changes.items():
        _check_shape(layer, change, layers[layer])
    if not any(_is_some(change) for change in changes.values()):
        raise BrokenFile("it would change nothing")
    return changes


def _check_kind(keys: Iterable[str]) -> None:
    names = list(keys)
    for part, kind in _OTHER_KINDS.items():
        if any(part in name for name in names):
            raise BrokenFile(f"it is {kind}, and only plain LoRA is supported")
    for part, model in _OTHER_MODELS.items():
        if any(name.startswith(part) or f".{part}" in name for name in names):
            raise BrokenFile(f"it was made for {model} and not for Wan")


def _place(key: str, layers: Collection[str]) -> tuple[str, str]:
    """The layer and the role of one tensor."""
    for suffix, role in _ROLES.items():
        if key.endswith(f".{suffix}"):
            return _layer(key.removesuffix(f".{suffix}"), layers), role
    raise BrokenFile(f"it is no LoRA: it holds {plain(key)}")


def _layer(name: str, layers: Collection[str]) -> str:
    """The layer that a trainer calls ``name``, in diffusers' words."""
    bare = without_prefix(name.removeprefix("base_model.model."))
    for prefix in _UNDERSCORED:
        if bare.startswith(prefix):
            bare = _dotted(bare.removeprefix(prefix).replace(".", "_"), layers)
    if bare in layers or "attn1." in bare or "attn2." in bare:
        return bare
    return renamed(f"{bare}.weight").removesuffix(".weight")


def _dotted(name: str, layers: Collection[str]) -> str:
    """``blocks_0_self_attn_q`` is ``blocks.0.self_attn.q``; diffusers' names are looked up."""
    ours = {layer.replace(".", "_"): layer for layer in layers}
    if name in ours:
        return ours[name]
    for pattern, dots in _DOTS:
        name = re.sub(pattern, dots, name)
    return name


def _check_places(places: Collection[tuple[str, str]], layers: Shapes) -> None:
    """Whether the file is for this Wan; whole tensors may be of parts that are left out."""
    if not places:
        raise BrokenFile("it is empty")
    found = {layer for layer, role in places if role not in ("whole", "table")}
    strange = sorted(name for name in found if name not in layers and not _may_lack(name))
    if strange and len(strange) == len(found):
        raise BrokenFile("it was not made for Wan")
    if strange:
        raise BrokenFile(f"it was made for another Wan, with a layer {plain(strange[0])}")


def _check_size(shapes: Shapes, layers: Shapes) -> None:
    """Whether it is as small as memory is reckoned for, before a number of it is read."""
    most = LARGEST_SHARE * sum(map(prod, layers.values()))
    if sum(map(prod, shapes.values())) > most:
        raise BrokenFile(f"it is larger than {LARGEST_SHARE:.0%} of the model, so it is no LoRA")


def _may_lack(name: str) -> bool:
    return any(part in name for part in _OPTIONAL) or "norm" in name


def _by_layer(
    tensors: Mapping[str, torch.Tensor], places: Mapping[str, tuple[str, str]]
) -> dict[str, dict[str, torch.Tensor]]:
    found: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise BrokenFile(f"it holds NaN or infinity in {plain(key)}")
        layer, role = places[key]
        found.setdefault(layer, {})[role] = tensor
    return found


def _change(
    layer: str, tensors: Mapping[str, torch.Tensor], shape: tuple[int, ...], alphas: Alphas
) -> Change | None:
    """None where a layer has nothing that an adapter can hold."""
    down, up, bias = tensors.get("down"), tensors.get("up"), tensors.get("bias")
    if (down is None) != (up is None):
        raise BrokenFile(f"it has half a pair of matrices for {plain(layer)}")
    if down is not None and up is not None:
        return Change(down, _scaled(up, len(down), tensors.get("alpha"), alphas(layer)), bias)
    whole = tensors.get("whole")
    if whole is not None and whole.ndim == 2 and len(whole) <= LARGEST_WHOLE:
        return Change(whole, torch.eye(len(whole)), bias)
    if bias is not None:
        return Change(torch.zeros(1, *shape[1:]), torch.zeros(shape[0], 1), bias)
    log.info("left out of a LoRA: %s of %s", ", ".join(tensors), layer)
    return None


def _scaled(
    up: torch.Tensor, rank: int, alpha: torch.Tensor | None, said: float | None
) -> torch.Tensor:
    """``up`` times alpha / rank, where the file gives an alpha with the layer or for all."""
    given = float(alpha) if alpha is not None and alpha.numel() == 1 else said
    if given is not None and not math.isfinite(given):
        raise BrokenFile("its alphas are no numbers")
    return up if given is None or given == rank or not rank else up.float() * (given / rank)


def _check_shape(layer: str, change: Change, shape: tuple[int, ...]) -> None:
    rank = change.down.shape[0]
    fits = (
        change.down.shape[1:] == shape[1:]
        and change.up.shape[:2] == (shape[0], rank)
        and (change.bias is None or change.bias.shape == shape[:1])
    )
    if not fits or rank == 0:
        raise BrokenFile(f"it was made for a model of another size: {plain(layer)} does not fit")


def _is_some(change: Change) -> bool:
    return bool(change.down.any() and change.up.any()) or bool(
        change.bias is not None and change.bias.any()
    )
