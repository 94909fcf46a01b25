"""Whether a diffusers folder may be loaded: files of strangers, looked at before they are read.

Nothing in a folder can name code here, since the spec says which classes are built. A folder that
tries is refused all the same: it is not what it says it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

from wan_demo.engine.pipelines import safetensors_header
from wan_demo.engine.pipelines.broken import BrokenFile, plain

LONGEST_JSON = 4 * 2**20
"""Bytes of a config or an index: the longest of Wan's has 100 kB. Python makes 20 times as much
of some texts."""

_LIBRARIES = ("diffusers", "transformers", None)
_CONFIGS = ("config.json", "tokenizer_config.json", "preprocessor_config.json")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def check_folder(folder: Path, parts: Iterable[str], others: Iterable[str]) -> None:
    """Raises BrokenFile with what is wrong; reads no weights.

    ``parts`` must hold weights, ``others`` (tokenizer, processors, parts whose weights are
    elsewhere) only their configs.
    """
    parts = tuple(parts)
    _check_index(folder / "model_index.json")
    for name in (*parts, *others):
        if not (folder / name).is_dir():
            raise BrokenFile(f"{name}/ is missing")
        _check_within(folder, folder / name)
        for config in _CONFIGS:
            _check_config(folder / name / config)
    for name in parts:
        check_weights(folder / name)


def check_weights(folder: Path) -> None:
    """Whether the weights of one part are there, whole and safetensors."""
    shards = _shards(folder)
    if not shards:
        if any(next(folder.glob(pattern), None) for pattern in _PICKLES):
            raise BrokenFile(
                f"{folder.name}/ holds only pickles (.bin), which can run code of their own"
            )
        raise BrokenFile(f"{folder.name}/ holds no weights")
    for shard in shards:
        try:
            safetensors_header.check(shard)
        except BrokenFile as error:
            fault = str(error).removeprefix("it ")
            raise BrokenFile(f"{folder.name}/{shard.name} {fault}") from error


def _shards(folder: Path) -> list[Path]:
    """The files that an index lists, or all that are there."""
    index = next(iter(sorted(folder.glob("*.safetensors.index.json"))), None)
    if index is None:
        return sorted(folder.glob("*.safetensors"))
    table = read_json(index).get("weight_map")
    if not isinstance(table, Mapping) or not table:
        raise BrokenFile(f"{folder.name}/{index.name} lists no weights")
    names = sorted({str(name) for name in table.values()})
    for name in names:
        if PurePath(name).name != name or not name.endswith(safetensors_header.SUFFIX):
            raise BrokenFile(f"{folder.name}/{index.name} names a file elsewhere, {plain(name)}")
    return [folder / name for name in names]


def _check_within(root: Path, folder: Path) -> None:
    """Nothing may lead out; in the hub's cache files are links to the repo's ``blobs``."""
    is_cached = root.parent.name == "snapshots"
    fence = (root.parent.parent if is_cached else root).resolve()
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink() and not path.resolve().is_relative_to(fence):
            raise BrokenFile(f"{path.relative_to(root)} is a link that leads out of it")


def _check_index(path: Path) -> None:
    """``model_index.json``, where there is one, names classes of the two libraries only."""
    if not path.is_file():
        return
    for name, value in read_json(path).items():
        if name == "_class_name" and not isinstance(value, str):
            raise BrokenFile("its model_index.json names a pipeline of its own")
        if isinstance(value, list) and (len(value) != 2 or value[0] not in _LIBRARIES):
            raise BrokenFile(f"its model_index.json names code of its own for {plain(name)}")


def _check_config(path: Path) -> None:
    config, where = read_json(path) if path.is_file() else {}, f"{path.parent.name}/{path.name}"
    for key in ("auto_map", "custom_pipelines"):
        if key in config:
            raise BrokenFile(f"{where} asks for code of its own ({key})")
    if config.get("quantization_config"):
        raise BrokenFile(f"{where} asks for weights that another library quantized")


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON object; raises BrokenFile for anything else."""
    where = f"{path.parent.name}/{path.name}"
    if not path.is_file():
        raise BrokenFile(f"{where} is missing")
    if path.stat().st_size > LONGEST_JSON:
        raise BrokenFile(f"{where} is too long")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise BrokenFile(f"{where} is no JSON") from None
    if not isinstance(value, dict):
        raise BrokenFile(f"{where} is no JSON object")
    return value
