"""LoRAs as a person asks for them: which file, how strongly, and for which expert.

A name is that of a file in the data folder's ``loras/`` (``style.safetensors``), or of the hub as
``owner/repo``, ``owner/repo/folder/file.safetensors``, each with ``@revision`` behind the repo
where it is not ``main``. A path of this machine is never one: names come from strangers.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from wan_demo.domain.halves import half, other_half, says_noise
from wan_demo.domain.source import Source
from wan_demo.errors import InvalidRequest

MOST_LORAS = 8
MOST_WEIGHT = 4.0
SUFFIX = ".safetensors"
LONGEST_NAME = 200
"""Bytes of a file's name; most file systems end at 255."""

HIGH_PART, LOW_PART = "transformer", "transformer_2"
"""The experts of a two-expert model: diffusers' names of the high-noise and the low-noise one."""

_PICKLES = {".bin", ".pt", ".pt2", ".pth", ".ckpt", ".pkl", ".pickle"}
_FORMS = (
    "must name a file of the data folder's loras/, or a LoRA of the hub as owner/repo or "
    "owner/repo/file.safetensors"
)
_WEIGHTS = f"may be followed by a weight from -{MOST_WEIGHT:g} to {MOST_WEIGHT:g}, as in name:0.8"


_TEXT = re.compile(r"(.*?)((?::[^:/\\\\]*)?(?::(?:both|high|low))?)", re.DOTALL | re.IGNORECASE)


class Expert(StrEnum):
    """Which experts of a two-expert model wear it."""

    BOTH = "both"
    HIGH = "high"
    LOW = "low"


class Lora(BaseModel):
    """One LoRA of a request; ``expert`` is None where the file's name decides."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    weight: float = Field(default=1.0, ge=-MOST_WEIGHT, le=MOST_WEIGHT, allow_inf_nan=False)
    expert: Expert | None = None

    def __str__(self) -> str:
        """The text that ``parse`` reads as this."""
        weight = f":{self.weight:g}" if self.weight != 1 or self.expert else ""
        return f"{self.name}{weight}" + (f":{self.expert}" if self.expert else "")

    @property
    def is_of_hub(self) -> bool:
        """Whether it comes from the hub and not from the data folder."""
        return "/" in self.name

    def source(self, has_pair: bool) -> Source:
        """Where it is on the hub; ``has_pair``: with its other half, where the repo has one.

        Raises InvalidRequest("model", ...) for a repo or a revision that can't be one.
        """
        owner, rest = self.name.split("/", 1)
        repo, _, path = rest.partition("/")
        repo, _, revision = repo.partition("@")
        halves = (path, other_half(path)) if has_pair and self.expert is None else (path,)
        patterns = tuple(one for one in halves if one)
        return Source(f"{owner}/{repo}", revision or "main", patterns, is_lora=True)


@dataclass(frozen=True)
class LoraFile:
    """A file of this machine as it is worn; ``name`` is the request's."""

    name: str
    path: Path
    weight: float


Worn = Mapping[str, Sequence[LoraFile]]
"""What each transformer wears, by its part's name, in the request's order."""


def parse(given: Any) -> tuple[Lora, ...]:
    """LoRAs from texts ``NAME[:WEIGHT][:high|low|both]``, from mappings, or a mixture.

    One text may hold several, parted by lines or commas. Raises InvalidRequest("loras", ...).
    """
    if isinstance(given, str):
        given = re.split(r"[\n,]", given)
    if not isinstance(given, Sequence):
        raise InvalidRequest("loras", given, _FORMS)
    filled = [one for one in given if not (isinstance(one, str) and not one.strip())]
    if len(filled) > MOST_LORAS:
        raise InvalidRequest("loras", len(filled), f"may be {MOST_LORAS} at once")
    return _apart(tuple(_parse(one) for one in filled))


def text(loras: Sequence[Any]) -> str:
    """The text of several, one a line."""
    return "\n".join(str(_parse(one)) for one in loras)


def split(said: str) -> tuple[str, str]:
    """A text as its name and what follows, ``:0.8:high``; what follows may be empty."""
    found = _TEXT.fullmatch(said.strip())
    return (found[1], found[2]) if found else (said, "")


def parts(lora: Lora, files: Sequence[Path], experts: int) -> dict[str, Path]:
    """Which of a LoRA's files, itself and its other half if there is one, each expert wears."""
    halves = _halves(lora, files)
    if experts == 1:
        return {HIGH_PART: files[0]}
    if lora.expert is not None:
        return {part: halves.get(part, files[0]) for part in _PARTS[lora.expert]}
    return halves or dict.fromkeys(_PARTS[Expert.BOTH], files[0])


def _halves(lora: Lora, files: Sequence[Path]) -> dict[str, Path]:
    """The files by the expert that their names say, where they say it."""
    if len(files) == 1:
        said = says_noise(lora.name) or says_noise(files[0].name)
    else:
        said = half(files[0].relative_to(os.path.commonpath(files)).as_posix())
    if said is None:
        return {}
    order = (HIGH_PART, LOW_PART) if said == "high" else (LOW_PART, HIGH_PART)
    return dict(zip(order, files, strict=False))


_PARTS = {
    Expert.BOTH: (HIGH_PART, LOW_PART),
    Expert.HIGH: (HIGH_PART,),
    Expert.LOW: (LOW_PART,),
}


def _parse(one: Any) -> Lora:
    if isinstance(one, Lora):
        one = one.model_dump()
    if isinstance(one, str):
        one = _fields(one)
    if not isinstance(one, Mapping) or not isinstance(one.get("name"), str):
        raise InvalidRequest("loras", one, _FORMS)
    strange = sorted(str(key) for key in one.keys() - Lora.model_fields.keys())
    if strange:
        raise InvalidRequest("loras", strange[0], "have a name, a weight and an expert")
    expert = one.get("expert")
    if expert is not None and expert not in tuple(Expert):
        raise InvalidRequest("loras", expert, f"are for one of {', '.join(Expert)}")
    weight = _weight(one.get("weight"), one)
    return Lora(name=_name(one["name"].strip()), weight=weight, expert=expert)


def _fields(said: str) -> dict[str, Any]:
    """The fields of one text."""
    name, rest = split(said)
    words = rest.lower().split(":")[1:]
    expert = words.pop() if words and words[-1] in tuple(Expert) else None
    return {"name": name, "weight": words[0] if words else None, "expert": expert}


def _weight(value: Any, one: Mapping[str, Any]) -> float:
    try:
        weight = 1.0 if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        weight = math.nan
    if isinstance(value, bool) or not abs(weight) <= MOST_WEIGHT:
        raise InvalidRequest("loras", f"{one['name']}:{value}", _WEIGHTS)
    return weight


def _name(name: str) -> str:
    """A name as it is kept, ``.safetensors`` put behind a file's where it lacks."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _PICKLES:
        kind = f"must be {SUFFIX} files, as {suffix} can run code of its own"
        raise InvalidRequest("loras", name, kind)
    is_safe = name and name.isprintable() and not set(name) & set("\\:*?[]<>|\"'")
    folders = name.split("/")
    if not is_safe or any(part in ("", ".", "..") or part[0] in ".~" for part in folders):
        raise InvalidRequest("loras", name, f"{_FORMS}; a path is not taken")
    if any(len(part.encode()) > LONGEST_NAME for part in folders):
        raise InvalidRequest("loras", name, f"{_FORMS}, of at most {LONGEST_NAME} bytes")
    if len(folders) == 1:
        return name if suffix == SUFFIX else name + SUFFIX
    is_file = suffix == SUFFIX
    if is_file == (len(folders) == 2):
        raise InvalidRequest("loras", name, _FORMS)
    _check_source(name)
    return name


def _check_source(name: str) -> None:
    try:
        Lora(name=name).source(has_pair=True)
    except InvalidRequest as error:
        raise InvalidRequest("loras", name, _FORMS) from error


def _apart(loras: tuple[Lora, ...]) -> tuple[Lora, ...]:
    """Both halves of a pair named by the person: each is for its own expert, with its weight."""
    names = [lora.name for lora in loras]
    if len({(lora.name, lora.expert) for lora in loras}) < len(loras):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest("loras", twice, "may each be named once")
    return tuple(
        lora.model_copy(update={"expert": Expert(half(lora.name) or Expert.BOTH)})
        if lora.expert is None and other_half(lora.name) in names
        else lora
        for lora in loras
    )
