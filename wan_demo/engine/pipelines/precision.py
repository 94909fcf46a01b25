"""Weights that are kept narrower than they compute."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch

from wan_demo.domain.memory import Precision
from wan_demo.engine.memory import Rung


def narrow(transformer: Any, rung: Rung) -> None:
    """Keep the weights of ``transformer``, which are in ``rung.dtype``, in the rung's precision.

    Adapters that are on keep theirs. Published precisions and GGUF are as they were loaded.
    """
    way = _WAYS.get(rung.precision)
    if way is not None:
        way(transformer, rung)


def _fp8(transformer: Any, rung: Rung) -> None:
    """Each layer is cast up for its own call and down again, which loses nothing twice."""
    transformer.enable_layerwise_casting(
        storage_dtype=torch.float8_e4m3fn, compute_dtype=getattr(torch, rung.dtype)
    )


def _int8(transformer: Any, _rung: Rung) -> None:
    ao = _torchao()
    ao.quantize_(transformer, ao.Int8WeightOnlyConfig(), filter_fn=_is_in_block)


def _float8(transformer: Any, _rung: Rung) -> None:
    ao = _torchao()
    config = ao.Float8DynamicActivationFloat8WeightConfig()
    ao.quantize_(transformer, config, filter_fn=_is_in_block)


def _torchao() -> Any:
    """An optional package that takes seconds to import."""
    return import_module("torchao.quantization")


def _is_in_block(module: torch.nn.Module, name: str) -> bool:
    """The blocks hold nearly all weights; those around them are the ones that need exactness."""
    is_block = name.split(".", 1)[0] in ("blocks", "vace_blocks")
    return is_block and isinstance(module, torch.nn.Linear) and ".lora_" not in name


_WAYS: dict[Precision, Callable[[Any, Rung], None]] = {
    Precision.FP8: _fp8,
    Precision.INT8: _int8,
    Precision.FLOAT8: _float8,
}
