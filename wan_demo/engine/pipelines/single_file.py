"""Transformers from one file: GGUF, or safetensors, in Wan's own key names or in diffusers'."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
from accelerate import init_empty_weights
from diffusers import GGUFQuantizationConfig
from diffusers.quantizers.gguf.utils import dequantize_gguf_tensor
from safetensors.torch import load_file

from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.pipelines import safetensors_header
from wan_demo.engine.pipelines.broken import BrokenFile, plain, refuse
from wan_demo.engine.pipelines.gguf import check_gguf, read_gguf
from wan_demo.engine.pipelines.names import to_diffusers
from wan_demo.engine.pipelines.shortage import is_shortage

State = dict[str, torch.Tensor]


def single_file(spec: ModelSpec, part: str, files: Checkpoint, dtype: torch.dtype) -> Any:
    """The transformer ``part`` from its file, computing in ``dtype``.

    The config is always the base folder's: by the shapes alone diffusers takes every Wan but
    Wan2.1's text-to-video for "wan-i2v-14B" (``loaders/single_file_utils.py``). GGUF weights stay
    in the mapped file, quantized; those of safetensors are mapped too, and copied where their
    type is not ``dtype``. Raises ModelUnavailable for a file that does not hold exactly the
    weights of that config.
    """
    path = files.replaced[part]
    builder = getattr(diffusers, spec.architecture.transformer_class)
    try:
        return _build(builder, files.folder, part, path, dtype)
    except (BrokenFile, OSError) as error:
        if is_shortage(error):  # of address space, to map the file into
            raise
        raise refuse(path.name, error) from error


def check_file(path: Path) -> None:
    """Look at the file's header alone; raises ModelUnavailable with what is wrong with it."""
    try:
        if _is_gguf(path):
            check_gguf(path)
        else:
            safetensors_header.check(path)
    except (BrokenFile, OSError) as error:
        raise refuse(path.name, error) from error


def _is_gguf(path: Path) -> bool:
    return path.suffix.lower() == ".gguf"


def _build(builder: Any, folder: Path, part: str, path: Path, dtype: torch.dtype) -> Any:
    model = _empty(builder, folder, part)
    state = _renamed(_read(path), model.state_dict())
    _check_shapes(state, model.state_dict())
    options: dict[str, Any] = {"config": str(folder), "subfolder": part, "local_files_only": True}
    if _is_gguf(path):
        state = _plain_where_no_linear(state, model)
        options["quantization_config"] = GGUFQuantizationConfig(compute_dtype=dtype)
    state = _shaped(state, model.state_dict())
    return builder.from_single_file(state, torch_dtype=dtype, **options)


def _read(path: Path) -> State:
    if _is_gguf(path):
        return read_gguf(path)
    safetensors_header.check(path)
    return load_file(path)


def _empty(builder: Any, folder: Path, part: str) -> torch.nn.Module:
    """The model that the base's config describes, without memory for its weights."""
    with init_empty_weights():
        return builder.from_config(
            builder.load_config(str(folder), subfolder=part, local_files_only=True)
        )


def _renamed(state: State, wanted: Mapping[str, torch.Tensor]) -> State:
    """``state`` under diffusers' names; raises BrokenFile unless they are those of ``wanted``."""
    names = to_diffusers(state, wanted)
    _check_names(names.values(), wanted)
    return {names[key]: tensor for key, tensor in state.items()}


def _check_names(found: Iterable[str], wanted: Mapping[str, Any]) -> None:
    """Neither too few, which would leave weights unset, nor too many, from a larger model."""
    missing = sorted(wanted.keys() - set(found))
    surplus = sorted(set(found) - wanted.keys())
    if missing:
        raise BrokenFile(
            f"it lacks {len(missing)} of the model's {len(wanted)} weights, {missing[0]} among them"
        )
    if surplus:
        raise BrokenFile(
            f"it holds {len(surplus)} weights that the model has no place for, "
            f"{plain(surplus[0])} among them"
        )


def _check_shapes(state: State, wanted: Mapping[str, torch.Tensor]) -> None:
    """Raises BrokenFile where a tensor is of another size, before any of it is dequantized.

    Sides of 1 may be left out: llama.cpp's quantizer drops the last ones in its order, so that a
    modulation of (1, 6, width) comes as (6, width).
    """
    for key, tensor in state.items():
        shape, expected = _shape(tensor), tuple(wanted[key].shape)
        if _without_ones(shape) != _without_ones(expected):
            raise BrokenFile(f"its {key} has the shape {shape} and the model's {expected}")


def _shaped(state: State, wanted: Mapping[str, torch.Tensor]) -> State:
    """``state`` in the model's shapes."""
    expected = {key: tuple(wanted[key].shape) for key in state}
    return {
        key: tensor if _shape(tensor) == expected[key] else tensor.reshape(expected[key])
        for key, tensor in state.items()
    }


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(side for side in shape if side != 1)


def _shape(tensor: torch.Tensor) -> tuple[int, ...]:
    """Of the numbers: quantized ones are held as bytes of another shape."""
    return tuple(getattr(tensor, "quant_shape", tensor.shape))


def _plain_where_no_linear(state: State, model: torch.nn.Module) -> State:
    """diffusers computes with quantized weights in linear layers only; others are small."""
    linear = {
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    return {
        key: tensor if key in linear else dequantize_gguf_tensor(tensor)
        for key, tensor in state.items()
    }
