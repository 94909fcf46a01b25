"""LoRA adapters on a transformer: put on, weighted, taken off, the base's weights untouched."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from diffusers import WanPipeline
from safetensors import SafetensorError

from wan_demo.errors import ModelUnavailable

log = logging.getLogger(__name__)

FAULTS = (OSError, SafetensorError, ValueError, KeyError, IndexError, RuntimeError)
"""What reading and converting a LoRA of an unknown kind raises."""


def attach(transformer: Any, path: Path, name: str, weight: float = 1.0) -> None:
    """Put the adapter of a safetensors file on ``transformer`` under ``name``.

    Key formats: those that diffusers converts (``WanLoraLoaderMixin.lora_state_dict``). Raises
    ModelUnavailable, with the transformer as before, for a file that is no LoRA, holds NaN or
    infinity, was made for another base, or would change nothing.
    """
    try:
        state = _read(path)
        WanPipeline.load_lora_into_transformer(state, transformer, adapter_name=name)
    except FAULTS as error:
        detach(transformer, name)
        log.exception("cannot use the LoRA %s", path.name)
        raise ModelUnavailable(f"The LoRA {path.name} can't be used: {_reason(error)}.") from error
    if name not in getattr(transformer, "peft_config", {}):
        # diffusers only warns where no key of the file belongs to a Wan transformer.
        raise ModelUnavailable(f"The LoRA {path.name} can't be used: it is not one for Wan.")
    transformer.set_adapters([name], [weight])


def detach(transformer: Any, name: str) -> None:
    """Take an adapter off; the base's weights were never changed."""
    if name in getattr(transformer, "peft_config", {}):
        transformer.delete_adapters(name)


def _read(path: Path) -> dict[str, torch.Tensor]:
    state = WanPipeline.lora_state_dict(
        str(path.parent), weight_name=path.name, use_safetensors=True, local_files_only=True
    )
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{key} holds NaN or infinity")
    return state


def _reason(error: Exception) -> str:
    """The first line of a library's error, which may go on for hundreds of keys."""
    text = str(error).strip()
    if "size mismatch" in text:
        return "it was made for a model of another size"
    return (text.splitlines() or [type(error).__name__])[0].rstrip(".")[:200]
