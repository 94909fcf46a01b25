"""VACE's blocks beside a text-to-video transformer that stays as it is: from a file of their own.

VACE (Jiang et al., arXiv 2503.07598) leaves its base frozen and adds blocks that hint at what is
shown. So one base on the disk serves both, and the head is a fraction of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import load_file

from wan_demo.domain.architecture import Config
from wan_demo.engine.pipelines import safetensors_header
from wan_demo.engine.pipelines.broken import BrokenFile, plain, refuse

BASE = WanTransformer3DModel
"""What a head is put beside."""

_KEYS = ("vace_layers", "vace_in_channels")


def head_of(config: Config) -> dict[str, Any]:
    """What a VACE transformer's config says that its base's does not."""
    return {key: config[key] for key in _KEYS}


def without_head(config: Config) -> Config:
    """The config of its base."""
    return {key: value for key, value in config.items() if key not in _KEYS}


def join_head(vace: torch.nn.Module, path: Path, told: dict[str, Any]) -> None:
    """Give ``vace``, whose base was loaded, the weights that its base's folder lacks.

    ``told`` is what diffusers said of that loading: its ``missing_keys`` are the head's, and are
    gone from it afterwards. Raises ModelUnavailable for a file that does not hold exactly them.
    """
    try:
        safetensors_header.check(path)
        state = load_file(path)
        _check(state, vace.state_dict(), set(told["missing_keys"]))
    except (BrokenFile, OSError) as error:
        raise refuse(path.name, error) from error
    kept = vace.state_dict()
    ready = {key: tensor.to(kept[key].dtype) for key, tensor in state.items()}
    vace.load_state_dict(ready, strict=False, assign=True)
    told["missing_keys"] = []


def _check(state: dict[str, torch.Tensor], known: dict[str, Any], wanted: set[str]) -> None:
    for keys, fault in (
        (wanted - state.keys(), "it lacks"),
        (state.keys() - wanted, "it is for another base: it holds"),
    ):
        if keys:
            raise BrokenFile(f"{fault} {len(keys)} weights, {plain(min(keys))} among them")
    for key, tensor in state.items():
        if tensor.shape != known[key].shape:
            shapes = f"{tuple(tensor.shape)} and the model's {tuple(known[key].shape)}"
            raise BrokenFile(f"its {key} has the shape {shapes}")
