"""The alphas of a LoRA file that it does not keep as tensors.

diffusers' ``save_lora_weights`` writes PEFT's config into the file's metadata, PEFT's own
``save_pretrained`` into an ``adapter_config.json`` beside ``adapter_model.safetensors``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import safe_open

from wan_demo.engine.pipelines.broken import BrokenFile

LONGEST_CONFIG = 2**20
"""Characters; PEFT's have some thousand."""

_METADATA = "lora_adapter_metadata"
_PEFT_FILE, _PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"


@dataclass(frozen=True)
class Alphas:
    """``alphas(layer)`` is the alpha that the config gives a layer, None without a config."""

    common: float | None = None
    by_layer: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, layer: str) -> float | None:
        for name, alpha in self.by_layer.items():
            if layer == name or layer.endswith(f".{name}"):
                return alpha
        return self.common

    @classmethod
    def of(cls, path: Path) -> Alphas:
        """What is said about ``path``; raises BrokenFile for a config that can't be followed."""
        config = _config(path)
        if config.get("use_rslora") or config.get("use_dora"):
            raise BrokenFile("it is an rsLoRA or a DoRA, and only plain LoRA is supported")
        pattern = config.get("alpha_pattern") or {}
        try:
            common = config.get("lora_alpha")
            by_layer = {str(name).lstrip("^"): float(alpha) for name, alpha in pattern.items()}
            return cls(None if common is None else float(common), by_layer)
        except (TypeError, ValueError, AttributeError, OverflowError):
            raise BrokenFile("its alphas are no numbers") from None


def _config(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        told = (file.metadata() or {}).get(_METADATA)
    beside = path.with_name(_PEFT_CONFIG)
    if told is None and path.name == _PEFT_FILE and beside.is_file():
        with beside.open(encoding="utf-8", errors="replace") as opened:
            told = opened.read(LONGEST_CONFIG)
    try:
        config = json.loads(told or "{}")
    except (ValueError, RecursionError):
        raise BrokenFile("its config is no JSON") from None
    if not isinstance(config, dict):
        raise BrokenFile("its config is no table")
    return {key.rpartition(".")[2]: value for key, value in config.items()}
