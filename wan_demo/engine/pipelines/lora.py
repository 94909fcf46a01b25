"""LoRA adapters on a transformer: put on, weighted, taken off, the base's weights untouched.

An adapter is never merged: PEFT's layers add its part beside the base layer, which works over GGUF
weights as well and is undone without a trace.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import warnings
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import torch
from diffusers.hooks.group_offloading import (
    _get_top_level_group_offload_hook,
    _maybe_remove_and_reapply_group_offloading,
)
from peft.tuners.lora import LoraLayer
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError

from wan_demo.engine.pipelines import lora_file
from wan_demo.engine.pipelines.broken import BrokenFile, plain, refuse
from wan_demo.engine.pipelines.lora_file import Change
from wan_demo.engine.pipelines.shortage import is_shortage

log = logging.getLogger(__name__)

BUILT_IN = "built-in"
"""The adapter that a spec brings along (Lightning); people's own come and go beside it."""

_PLAIN = (torch.float32, torch.bfloat16, torch.float16)

FAULTS = (
    *(BrokenFile, SafetensorError, OSError, ValueError, LookupError, RuntimeError),
    *(TypeError, AttributeError),
)
"""What files that are no LoRA for this transformer raise, and weights that PEFT can't wrap."""

OFFLOADED = "the model's weights stay on the disk, where nothing can be put on them"

Chosen = Mapping[str, Mapping[Path, float]]
"""Files and their weights, by the part that they are for: transformer, transformer_2."""


def wear(parts: Mapping[str, Any], chosen: Chosen) -> None:
    """Make ``chosen`` the adapters of ``parts``, besides the built-in ones.

    Adapters that are on already stay as they are, so that a change costs the new ones only.
    Raises ModelUnavailable for a file that can't be used, with all adapters as before.
    """
    names = {part: {_name(path): path for path in files} for part, files in chosen.items()}
    fresh: list[tuple[Any, str]] = []
    try:
        for part, paths in names.items():
            on = weights(parts[part])
            for name in [name for name in paths if name not in on]:
                attach(parts[part], paths[name], name, 0.0)  # heard only once all are on
                fresh.append((parts[part], name))
    except Exception:
        for transformer, name in fresh:
            detach(transformer, name)
        raise
    off: set[str] = set()
    for part, transformer in parts.items():
        if part.startswith("transformer"):
            wanted = {_name(path): weight for path, weight in chosen.get(part, {}).items()}
            off |= _keep(transformer, wanted)
    if off:
        gc.collect()  # it is in cycles, and may be of some GB


def is_wearing(parts: Mapping[str, Any], chosen: Chosen) -> bool:
    """Whether ``chosen`` are the adapters of ``parts`` already, besides the built-in ones."""
    return all(
        {name: w for name, w in weights(parts[part]).items() if name != BUILT_IN}
        == {_name(path): weight for path, weight in chosen.get(part, {}).items()}
        for part in parts
        if part.startswith("transformer")
    )


def dress(transformer: Any, files: Mapping[Path, float]) -> None:
    """Put files on a transformer that was just read and is about to be kept on the disk.

    Raises ModelUnavailable.
    """
    for path, weight in files.items():
        attach(transformer, path, _name(path), weight)


def attach(transformer: Any, path: Path, name: str, weight: float = 1.0) -> None:
    """Put the adapter of a file on ``transformer`` beside those that are on.

    ``name`` is new and without dots; ``weight`` multiplies what the file adds. Raises
    ModelUnavailable, with the transformer as before, for a file that is no LoRA, holds NaN or
    infinity, was made for another base, or would change nothing; what says that memory ran out
    comes as it is.
    """
    before = weights(transformer)
    try:
        _refuse_on_disk(transformer)
        _inject(transformer, lora_file.read(path, _layers(transformer)), name)
    except FAULTS as error:
        if is_shortage(error):
            raise
        log.warning("cannot use the LoRA %s", path.name, exc_info=error)
        raise refuse(f"The LoRA {path.name}", error) from error
    _activate(transformer, {**before, name: weight})


def detach(transformer: Any, name: str) -> None:
    """Take an adapter off; with the last one the base's own layers are back in their places."""
    left = {other: weight for other, weight in weights(transformer).items() if other != name}
    if not left:
        transformer.unload_lora()
        return
    transformer.delete_adapters(name)
    _activate(transformer, left)


def weights(transformer: Any) -> dict[str, float]:
    """The adapters that are on, with their weights."""
    found: dict[str, float] = {}
    for module in transformer.modules():
        if isinstance(module, LoraLayer):
            found |= module.scaling  # alpha equals the rank here, so this is the weight
    return found


def _keep(transformer: Any, wanted: Mapping[str, float]) -> Set[str]:
    """Take off all but these and the built-in ones; returns what came off."""
    on = weights(transformer)
    off = on.keys() - wanted.keys() - {BUILT_IN}
    for name in off:
        detach(transformer, name)
    _activate(transformer, {name: w for name, w in on.items() if name == BUILT_IN} | dict(wanted))
    return off


def _activate(transformer: Any, chosen: Mapping[str, float]) -> None:
    if chosen:
        transformer.set_adapters(list(chosen), list(chosen.values()))
        transformer.requires_grad_(False)  # PEFT takes what it activates for training


def _layers(transformer: Any) -> dict[str, tuple[int, ...]]:
    """The layers that an adapter can be put on, wrapped by one already or not."""
    found: dict[str, tuple[int, ...]] = {}
    for name, module in transformer.named_modules():
        if ".base_layer" in name or ".lora_" in name:
            continue
        layer = _base(module)
        if isinstance(layer, torch.nn.Linear):  # a quantized weight has another shape
            found[name] = (layer.out_features, layer.in_features)
        elif isinstance(layer, torch.nn.Conv3d):
            found[name] = tuple(layer.weight.shape)
    return found


def _inject(transformer: Any, changes: Mapping[str, Change], name: str) -> None:
    """Give ``changes`` to PEFT, which puts them on the layers that they name.

    Each is in its layer's own type and place, as PEFT takes them over: it would fill new ones
    with random numbers first, which moves the process's generator.
    """
    has_bias = any(change.bias is not None for change in changes.values())
    state: dict[str, torch.Tensor] = {}
    for layer, change in changes.items():
        place = _place(_base(transformer.get_submodule(layer)), transformer.dtype)
        kernel = (1,) * (change.down.ndim - 2)  # of a convolution's second half
        up = change.up.reshape(*change.up.shape[:2], *kernel)
        state[f"{layer}.lora_A.weight"] = change.down.to(**place)
        state[f"{layer}.lora_B.weight"] = up.to(**place)
        if has_bias:
            bias = up.new_zeros(len(up)) if change.bias is None else change.bias
            state[f"{layer}.lora_B.bias"] = bias.to(**place)
    _refuse_infinite(state)
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # that others are on
            transformer.load_lora_adapter(
                state, prefix=None, adapter_name=name, low_cpu_mem_usage=True
            )
        _as_given(transformer, state, name)
        _maybe_remove_and_reapply_group_offloading(transformer)  # else its hooks miss the new ones
    except BaseException:
        detach(transformer, name)  # PEFT may have wrapped some of the layers
        raise


def _refuse_infinite(state: Mapping[str, torch.Tensor]) -> None:
    """What was finite in its file may be too large as it is computed with."""
    for key, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise BrokenFile(f"its numbers are too large for {tensor.dtype}, those of {plain(key)}")


def _refuse_on_disk(transformer: Any) -> None:
    """diffusers' groups on the disk are written once, and would come back without an adapter."""
    hook = _get_top_level_group_offload_hook(transformer)
    if hook is not None and hook.config.offload_to_disk_path is not None:
        raise ValueError(OFFLOADED)


def _as_given(transformer: Any, state: Mapping[str, torch.Tensor], name: str) -> None:
    """PEFT casts to the base weight's type, which may be fp8: good to store, not to compute in."""
    for key, tensor in state.items():
        half, _, kind = key.rpartition(".")
        parameter = transformer.get_parameter(f"{half}.{name}.{kind}")
        if parameter.dtype != tensor.dtype:
            parameter.data = tensor


def _base(module: Any) -> Any:
    return module.get_base_layer() if isinstance(module, BaseTunerLayer) else module


def _place(layer: Any, common: torch.dtype) -> dict[str, Any]:
    """Device and type that an adapter of ``layer`` computes in.

    ``common`` is what the transformer computes in where its weights are only stored otherwise
    (GGUF's bytes, fp8). Raises ValueError where the weights are offloaded and not at hand.
    """
    weight = layer.weight
    if weight.is_meta:
        raise ValueError(OFFLOADED)
    return {"device": weight.device, "dtype": weight.dtype if weight.dtype in _PLAIN else common}


def _name(path: Path) -> str:
    """A file's name among adapters, another one once the file is another."""
    stat = path.stat() if path.exists() else None
    said = f"{path.resolve()} {stat.st_mtime_ns if stat else 0} {stat.st_size if stat else 0}"
    return f"file_{hashlib.sha256(said.encode()).hexdigest()[:16]}"
