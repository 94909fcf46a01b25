"""Whether a part's config describes what memory was reckoned for, before anything is built by it.

The classes build what they are told to: a row of blocks for each layer, tables as long as a number
says, and where a weight has another shape than its file they make room for the shape they were
told. So no number may exceed the spec's, and all that is no size must be as the spec has it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wan_demo.engine.pipelines.broken import BrokenFile, plain
from wan_demo.engine.pipelines.folder import read_json

_FREE = ("dropout", "latents_mean", "latents_std", "eps")
"""Keys of diffusers' classes that decide no size: each checkpoint may have its own."""

_STATISTICS = ("latents_mean", "latents_std")
"""Of a VAE: a number for each of its channels."""

_LISTS = ("vace_layers",)
"""Lists that may be shorter than the spec's."""

_EXACT = ("z_dim", "in_channels", "out_channels", "scale_factor_spatial", "scale_factor_temporal")
"""Numbers by which latents are shaped, whatever the weights."""

_AT_LEAST = ("patch_size",)
"""Numbers that make more work where they are smaller."""

LARGEST_NUMBER = 2**19
"""In a config of transformers, whatever it means; umT5's vocabulary of 256,384 is the largest."""


def check_config(folder: Path, builder: type[Any], known: Mapping[str, Any]) -> None:
    """Whether the ``config.json`` of a part is of ``builder`` and no larger than ``known``.

    ``known`` is the spec's config of the part. Raises BrokenFile.
    """
    where, config = f"{folder.name}/config.json", read_json(folder / "config.json")
    _check_class(folder.name, config, builder)
    if builder.__module__.startswith("diffusers"):
        known = _defaults(builder) | dict(known)
        said = {key: config.get(key, value) for key, value in known.items()}
    else:
        said = _resolved(where, config, builder, known)
    for key, value in said.items():
        if not _fits(key, value, known[key]):
            raise BrokenFile(f"{where} has a {key} of {plain(str(value))}, not {known[key]}")
    for key in _STATISTICS:
        if key in config and not _are_numbers(config[key], known.get("z_dim", 0)):
            raise BrokenFile(f"{where} has a {key} that is no row of numbers")


def check_picture_sizes(folder: Path, most: int) -> None:
    """Whether the image processor makes pictures of ``most`` pixels a side at most."""
    config = read_json(folder / "preprocessor_config.json")
    for key in ("size", "crop_size"):
        for side in _leaves(config.get(key)):
            if not isinstance(side, int) or not 0 < side <= most:
                where = f"{folder.name}/preprocessor_config.json"
                raise BrokenFile(f"{where} has a {key} of {plain(str(side))}, not {most}")


def _check_class(name: str, config: Mapping[str, Any], wanted: type[Any]) -> None:
    """Refuse a part of another class, which would load with its weights left at random."""
    named = [config.get("_class_name"), *(config.get("architectures") or ())]
    found = [str(one) for one in named if one]
    if found and not any(one.startswith(wanted.__name__) for one in found):
        raise BrokenFile(f"{name}/ is a {plain(found[0])} and not a {wanted.__name__}")


def _defaults(builder: type[Any]) -> dict[str, Any]:
    """What a diffusers class takes for keys that its config leaves out."""
    parameters = inspect.signature(builder.__init__).parameters
    taken = {name: each.default for name, each in parameters.items() if name != "self"}
    return {name: value for name, value in taken.items() if name not in _FREE}


def _resolved(
    where: str, config: Mapping[str, Any], builder: type[Any], known: Mapping[str, Any]
) -> dict[str, Any]:
    """The sizes as the class of transformers will see them, which knows some by two names.

    Numbers come first: the class itself makes a table of as many entries as ``num_labels`` says.
    """
    for number in _leaves(config):
        if isinstance(number, int) and number > LARGEST_NUMBER:
            raise BrokenFile(f"{where} holds the number {plain(str(number))}")
    try:
        resolved = builder.config_class.from_dict(dict(config))
        return {key: getattr(resolved, key) for key, one in known.items() if isinstance(one, int)}
    except Exception as error:  # of its validation, whatever that may raise
        raise BrokenFile(f"{where} is no config of a {builder.__name__}") from error


def _fits(key: str, value: Any, known: Any) -> bool:
    if key in _LISTS:
        return isinstance(value, list | tuple) and len(value) <= len(known)
    if isinstance(value, list | tuple):
        return tuple(value) == (tuple(known) if isinstance(known, list | tuple) else known)
    if key in _EXACT or isinstance(known, bool) or not isinstance(known, int):
        return value == known
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return known <= value <= LARGEST_NUMBER if key in _AT_LEAST else 0 < value <= known


def _are_numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(one, int | float) and math.isfinite(one) for one in value)
    )


def _leaves(value: Any) -> Iterator[Any]:
    """All that is no list and no table, in lists and tables of any depth that JSON allows."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif one is not None:
            yield one
