"""A person's own models: ``models.toml`` of the data folder, read at start.

Each ``[[model]]`` is a built-in model with other weights: a diffusers folder, or transformers in
single files over the base's other parts, both on this machine or of the hub. docs/own-models.md
describes the keys. An entry that can't be used is told and left out; it never keeps the app from
starting with the others.
"""

from __future__ import annotations

import difflib
import os.path
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from errno import EINVAL
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from wan_demo.catalog import Catalog
from wan_demo.catalog.common import fixed_steps, without_weights
from wan_demo.catalog.gguf import bits_of
from wan_demo.domain.model import Defaults, ModelSpec, Weights
from wan_demo.domain.request import GenerationRequest
from wan_demo.domain.rules import complete
from wan_demo.domain.source import Source
from wan_demo.errors import InvalidRequest

FILE = "models.toml"
LONGEST_FILE = 2**20
"""Bytes; an entry has some hundred."""

_ID = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
_KINDS = (".safetensors", ".gguf")
_PLACES = ("folder", "transformer", "repo")
_PAIRS = {"transformer": "transformer_2", "file": "file_2"}
_TEXTS = (
    *("id", "base", "title", "summary", "licence", "folder", "transformer", "transformer_2"),
    *("repo", "revision", "file", "file_2"),
)
_DEFAULTS = (
    *("width", "height", "num_frames", "fps", "num_inference_steps", "guidance_scale"),
    *("guidance_scale_2", "strength", "conditioning_scale", "negative_prompt"),
)
"""Fields of the request that an entry may set the default of."""
KEYS = (*_TEXTS, *_DEFAULTS, "flow_shift")
MAX_SHIFT = 100.0

Entry = Mapping[str, Any]


def with_own(built_in: Catalog, data_folder: Path) -> Catalog:
    """The catalogue and the models of ``data_folder``'s file; faults are told in it."""
    models, faults = list(built_in.models), []
    try:
        entries = _entries(data_folder / FILE)
    except ValueError as error:
        return Catalog(built_in.models, (f"{FILE}: {error}.",))
    for number, entry in enumerate(entries, 1):
        try:
            models.append(_spec(entry, built_in, data_folder, {spec.id for spec in models}))
        except InvalidRequest as error:
            faults.append(f"{FILE}, {_name_of(entry, number)}: {error}")
    return Catalog(tuple(models), tuple(faults))


def at_path(path: Path, base: ModelSpec) -> ModelSpec:
    """The model of a diffusers folder or a transformer's file on this machine."""
    weights = _of_folder(base, path) if path.is_dir() else _over(base, {"transformer": path})
    summary = f"From your disk, run as {base.title}."
    return _derived(base, id_of(path), _stem(path), summary, "not stated", weights)


def id_of(path: Path) -> str:
    """The id that ``at_path`` gives: like no built-in one."""
    plain = re.sub(r"[^a-z0-9]+", "-", _stem(path.absolute()).lower()).strip("-")
    return f"local-{plain[:50].strip('-') or 'model'}"


def _stem(path: Path) -> str:
    """A folder's whole name, dots and all; a file's without its kind."""
    return path.name if path.is_dir() else path.stem


def _entries(file: Path) -> list[Any]:
    """The file's entries, none where there is no file; raises ValueError with what is wrong."""
    try:
        text = _start_of(file)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ValueError(f"can't be read: {error.strerror}") from None
    if len(text) > LONGEST_FILE:
        raise ValueError(f"must have at most {LONGEST_FILE:,} bytes")
    try:
        table = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no TOML: {str(error)[:200]}") from None
    entries = table.pop("model", [])
    if table or not isinstance(entries, list):
        other = next(iter(table), "model")
        raise ValueError(f"must hold nothing but [[model]] entries; it has {other[:80]!r}")
    return entries


def _start_of(file: Path) -> bytes:
    """A byte more than is allowed at most; raises OSError, also for what would never end."""
    if file.exists() and not file.is_file():
        raise OSError(EINVAL, "it is no file")
    with file.open("rb") as opened:
        return opened.read(LONGEST_FILE + 1)


def _name_of(entry: Any, number: int) -> str:
    named = entry.get("id") if isinstance(entry, dict) else None
    return f"model {named[:64]!r}" if isinstance(named, str) else f"model number {number}"


def _spec(entry: Any, built_in: Catalog, data_folder: Path, taken: set[str]) -> ModelSpec:
    if not isinstance(entry, dict):
        raise InvalidRequest("model", entry, "must be a [[model]] table")
    _check_keys(entry)
    model_id = _id(entry, taken)
    base = _base(entry, built_in)
    weights = _weights(entry, base, data_folder)
    title, licence = entry.get("title", model_id), entry.get("licence", "not stated")
    summary = entry.get("summary", f"Your own, over {base.title}.")
    spec = _derived(base, model_id, title, summary, licence, weights)
    return _with_defaults(spec, entry, base)


def _derived(
    base: ModelSpec, model_id: str, title: str, summary: str, licence: str, weights: Weights
) -> ModelSpec:
    names = {"id": model_id, "title": title, "summary": summary, "licence": licence}
    return replace(base, **names, weights=weights, vocabulary=None)


def _check_keys(entry: Entry) -> None:
    for key, value in entry.items():
        if key not in KEYS:
            close = difflib.get_close_matches(key, KEYS)
            raise InvalidRequest(key, value, f"is no key; there are {', '.join(KEYS)}", close)
        if key in _TEXTS and (not isinstance(value, str) or not value.strip()):
            raise InvalidRequest(key, value, "must be text")
        if key in _TEXTS and (len(value) > 500 or not value.isprintable()):
            raise InvalidRequest(key, value, "must be one line of at most 500 characters")


def _id(entry: Entry, taken: set[str]) -> str:
    model_id = entry.get("id")
    if model_id is None or not _ID.fullmatch(model_id):
        allowed = "must be 1 to 64 lower-case letters, digits, '.', '_' and '-', as in my-model"
        raise InvalidRequest("id", model_id, allowed)
    if model_id in taken:
        raise InvalidRequest("id", model_id, "must be one that no other model has")
    return model_id


def _base(entry: Entry, built_in: Catalog) -> ModelSpec:
    known = entry.get("base")
    if known not in built_in.ids:
        close = difflib.get_close_matches(str(known), built_in.ids)
        raise InvalidRequest("base", known, f"must be one of {', '.join(built_in.ids)}", close)
    return built_in.find(str(known))


def _weights(entry: Entry, base: ModelSpec, data_folder: Path) -> Weights:
    """Where the weights are; the base's other parts come from where the base has them."""
    places = [key for key in _PLACES if key in entry]
    if len(places) != 1:
        said = " and ".join(places) or None
        raise InvalidRequest("folder", said, "must be there, or transformer, or repo: one of them")
    place = places[0]
    _check_company(entry, place, base)
    if place == "folder":
        return _of_folder(base, _folder(entry["folder"], data_folder))
    if place == "transformer":
        keys = ("transformer", "transformer_2")
        return _over(base, {k: _file(k, entry[k], data_folder) for k in keys if k in entry})
    source = _source(entry)
    if "file" not in entry:
        return Weights(source, bits=base.weights.bits, is_verified=False)
    parts = {"transformer": "file", "transformer_2": "file_2"}
    return _over(
        base,
        {
            part: replace(source, patterns=(_file_of_repo(key, entry[key]),))
            for part, key in parts.items()
            if key in entry
        },
    )


def _check_company(entry: Entry, place: str, base: ModelSpec) -> None:
    """Keys that go with the place, and one file for each of the base's experts."""
    others = {"transformer_2": "transformer", "file_2": "file", "revision": "repo", "file": "repo"}
    for key, needed in others.items():
        if key in entry and needed not in entry:
            raise InvalidRequest(key, entry[key], f"goes only with {needed}")
    for first, second in _PAIRS.items():
        experts = base.architecture.experts
        if first in entry and experts == 2 and second not in entry:
            allowed = f"is needed beside {first}, as {base.id} has two experts"
            raise InvalidRequest(second, None, allowed)
        if second in entry and experts == 1:
            allowed = f"must be left out, as {base.id} has one transformer"
            raise InvalidRequest(second, entry[second], allowed)


def _of_folder(base: ModelSpec, folder: Path) -> Weights:
    return Weights(folder, bits=base.weights.bits, is_verified=False)


def _over(base: ModelSpec, files: Mapping[str, Source | Path]) -> Weights:
    """The base with its transformers from ``files``."""
    bits = {part: known for part, known in base.weights.bits.items() if part not in files}
    for part, file in files.items():
        said = bits_of(file.name if isinstance(file, Path) else file.patterns[0])
        bits |= {} if said is None else {part: said}
    return replace(
        base.weights,
        base=without_weights(base, tuple(files)),
        replaced=MappingProxyType({**base.weights.replaced, **files}),
        bits=MappingProxyType(bits),
        is_verified=False,
    )


def _path(text: str, data_folder: Path) -> Path:
    return data_folder / os.path.expanduser(text)  # pathlib's raises for an unknown person's home


def _folder(text: str, data_folder: Path) -> Path:
    folder = _path(text, data_folder)
    if not os.path.isdir(folder / "transformer"):  # False also for a name that can be none
        allowed = "must be a diffusers folder, with transformer/ in it"
        raise InvalidRequest("folder", text, allowed)
    return folder.absolute()


def _file(key: str, text: str, data_folder: Path) -> Path:
    file = _path(text, data_folder)
    if file.suffix.lower() not in _KINDS or not os.path.isfile(file):
        raise InvalidRequest(key, text, "must be a .safetensors or .gguf file that exists")
    return file.absolute()  # not resolved: a hub file is a link to a blob without a suffix


def _source(entry: Entry) -> Source:
    revision = entry.get("revision", "main")
    try:
        Source(entry["repo"])
    except InvalidRequest as error:
        raise InvalidRequest("repo", error.value, error.allowed) from None
    try:
        return Source(entry["repo"], revision)
    except InvalidRequest as error:
        raise InvalidRequest("revision", error.value, error.allowed) from None


def _file_of_repo(key: str, text: str) -> str:
    path = PurePosixPath(text)
    is_plain = not set(text) & set("*?[]\\") and not path.is_absolute() and ".." not in path.parts
    if not is_plain or path.suffix.lower() not in _KINDS:
        raise InvalidRequest(key, text, "must be the path of a .safetensors or .gguf in the repo")
    return path.as_posix()


def _with_defaults(spec: ModelSpec, entry: Entry, base: ModelSpec) -> ModelSpec:
    """The entry's own defaults, checked as if a person had asked the base for them."""
    given = {key: entry[key] for key in _DEFAULTS if key in entry}
    request = _asked(base, given)
    defaults = spec.defaults
    if "width" in given or "height" in given:
        defaults = replace(defaults, size=(request.width, request.height))
    plain = given.keys() - {"width", "height"}
    values = {key: getattr(request, key) for key in plain}
    if not given.get("negative_prompt", "-").strip():  # to a request that means the base's own
        values["negative_prompt"] = ""
    defaults = replace(defaults, **values)
    shifted = _resolutions(spec, entry.get("flow_shift"))
    return replace(shifted, defaults=defaults, presets=_presets(spec, defaults, given))


def _asked(base: ModelSpec, given: Mapping[str, Any]) -> GenerationRequest:
    """By a task that takes what is given: strength is for restyling only."""
    fitting = [task for task in base.tasks if {*given} & _KNOBS <= base.takes(task)]
    task = (fitting or list(base.tasks))[0]
    media = dict.fromkeys(base.needs(task), "-")
    return complete({"task": task, "prompt": "-", "seed": 0, **media, **given}, base)


_KNOBS = {"strength", "conditioning_scale", "guidance_scale_2"}


def _resolutions(spec: ModelSpec, shift: Any) -> ModelSpec:
    if shift is None:
        return spec
    is_number = isinstance(shift, (int, float)) and not isinstance(shift, bool)
    if not is_number or not 0 < shift <= MAX_SHIFT:
        allowed = f"must be a number above 0 and up to {MAX_SHIFT:g}"
        raise InvalidRequest("flow_shift", shift, allowed)
    all_alike = tuple(replace(each, flow_shift=float(shift)) for each in spec.resolutions)
    return replace(spec, resolutions=all_alike)


def _presets(spec: ModelSpec, defaults: Defaults, given: Mapping[str, Any]) -> Any:
    """The base's, unless the model has steps or a length of its own."""
    if not given.keys() & {"num_inference_steps", "num_frames"}:
        return spec.presets
    frames = defaults.num_frames
    draft = max(spec.limits.min_frames, min(frames, frames // 8 * 4 + 1))
    return fixed_steps(frames, draft, defaults.num_inference_steps)
