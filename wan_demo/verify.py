"""Whether a clip can be made again: from its own metadata, to the same frames.

Two things are held against each other. The frames as generated, by the hash that the metadata
keeps of them: they prove the run, whatever encoder wrote the file. And the pictures of the file, by
writing the new frames the same way and decoding both files: they prove that the file shows what was
generated, and nothing else. A hash of the decoded frames in the metadata would prove less, as who
alters the one can alter the other. Sound is not looked at: it is the source's, and no model's.

The metadata comes with the file, from anybody: it is held against the same rules as every request,
names its media by their content only, and fetches nothing.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wan_demo import bootstrap
from wan_demo.bootstrap import OneOff
from wan_demo.domain.files import each, exchanged
from wan_demo.domain.job import Job
from wan_demo.domain.lora import parse
from wan_demo.domain.request import INPUTS, GenerationRequest
from wan_demo.errors import InvalidRequest, WanDemoError
from wan_demo.media.decode import read_clip
from wan_demo.media.folder import DataFolder
from wan_demo.media.loras import NONE_LENT
from wan_demo.media.record import SHA256, damaged, request_of, shown
from wan_demo.media.record import parse as parse_record
from wan_demo.settings import Settings

DEVICES = ("cpu", "cuda", "mps")
MOST_TOLD = 20
"""How many differences are told; an honest clip records half as many."""

_NAMES = {"model_revision": "weights", "device_name": "device's name", "av": "av (encoder)"}
"""What the keys of a clip's provenance are called where their own name says little."""

Media = Path | Sequence[Path] | None
"""A file for a field of the request, or several for one that takes a list."""

Follow = Callable[[OneOff, Job], Job]
"""Starts the worker and waits for a job's end."""


@dataclass(frozen=True)
class Record:
    """What a clip says of itself, checked in form, and a hash of the pictures that it shows."""

    request: GenerationRequest
    frames: str
    made_by: Mapping[str, str]
    pictures: str


@dataclass(frozen=True)
class Verdict:
    """Whether the clip was made again, and what differs between then and now, a line each."""

    is_same: bool
    request: GenerationRequest
    differences: tuple[str, ...]


def verify(
    clip: Path,
    media: Mapping[str, Media],
    settings: Settings,
    follow: Follow,
    lent: Mapping[str, Path] = NONE_LENT,
) -> Verdict:
    """Render ``clip`` again from its metadata and compare.

    ``media`` are files given for the request's fields; the others are looked for in the data
    folder, and so are LoRAs but those of ``lent``, which are by name. Raises InvalidRequest for a
    file that is no clip of this app or asks for what can't be, and the failure of the run.
    """
    record = read_record(clip)
    given, missing = _inputs(record.request, media, DataFolder(settings.data_dir))
    settings = _as_made(settings, record)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        folder = DataFolder(Path(scratch)).create()
        one_off = bootstrap.make_one_off(settings, folder, lent)
        missing += _missing_weights(one_off, record.request.model)
        missing += _missing_loras(one_off, record.request)
        if missing:
            return Verdict(False, record.request, tuple(missing))
        again = _render(one_off, {**record.request.given(), **given}, record.request, follow)
        return compare(record, read_record(folder.video(again.outputs[0].file)))


def read_record(clip: Path) -> Record:
    """A clip's metadata; raises InvalidRequest("clip", ...) unless it is whole."""
    found = read_clip(clip)
    told = parse_record(clip.name, found.comment)
    frames, made_by = told.pop("frames_sha256", None), told
    request = request_of(clip.name, made_by.pop("request", None))
    if frames is None:
        raise InvalidRequest("clip", clip.name, "has no hash of its frames; older clips have none")
    if not isinstance(frames, str) or not SHA256.fullmatch(frames):
        raise damaged(clip.name, "frames_sha256 is no SHA-256")
    plain = {shown(key): shown(value) for key, value in made_by.items()}
    return Record(request, frames, plain, found.pictures)


def compare(old: Record, new: Record) -> Verdict:
    """What became of a clip that was rendered again, and what was not as it had been."""
    changed = [
        f"{_NAMES.get(key, key)}: {_said(old, key)} then, {_said(new, key)} now"
        for key in sorted({*old.made_by, *new.made_by})
        if old.made_by.get(key) != new.made_by.get(key)
    ]
    if len(changed) > MOST_TOLD:
        changed[MOST_TOLD:] = [f"and {len(changed) - MOST_TOLD} more"]
    if old.frames != new.frames:
        unexplained = (
            "nothing that was recorded differs: the metadata is not the one it was made by"
        )
        return Verdict(False, old.request, tuple(changed or [unexplained]))
    if old.pictures != new.pictures:
        altered = "file: it does not show the frames that were generated, so it was altered"
        if "av" in old.made_by and old.made_by["av"] != new.made_by.get("av"):
            altered = "file: it is written otherwise, by another encoder or by somebody else"
        return Verdict(False, old.request, (altered, *changed))
    return Verdict(True, old.request, tuple(changed))


def _inputs(
    request: GenerationRequest, media: Mapping[str, Media], store: DataFolder
) -> tuple[dict[str, Any], list[str]]:
    """The request's media as files, and a sentence for each that is missing or another one."""
    found, missing = {}, []
    for field in INPUTS:
        wanted, paths = getattr(request, field), each(media.get(field))
        if paths and not wanted:
            raise InvalidRequest(field, str(paths[0]), "was not used for this clip")
        given = {path: _hash_of(path, field) for path in paths}
        others = [path.name for path, digest in given.items() if digest not in each(wanted)]
        missing += [
            f"{field}: {name} has other content than the one that was used" for name in others
        ]
        places = {digest: _place(digest, given, store) for digest in each(wanted)}
        if None in places.values() and not others:
            flag = f"--{field.removesuffix('s').replace('_', '-')}"
            missing.append(f"{field}: missing from the data folder; give it with {flag}")
        found[field] = exchanged(wanted, places.get)
    return found, missing


def _place(digest: str, given: Mapping[Path, str | None], store: DataFolder) -> str | None:
    """Where a file lies by its content: given, or kept; None where it is nowhere."""
    for path, found in given.items():
        if found == digest:
            return str(path)
    kept = store.input(digest)
    return str(kept) if _hash_of(kept, None) == digest else None


def _hash_of(path: Path, field: str | None) -> str | None:
    """SHA-256 of a file; None where it is not there, unless a person gave it as ``field``."""
    try:
        if not path.is_file():  # a pipe would be waited for, a device read without end
            raise FileNotFoundError
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        if field is not None:
            raise InvalidRequest(field, str(path), "must be a file that can be read") from None
        return None


def _as_made(settings: Settings, record: Record) -> Settings:
    """On the device that made the clip, unless another one was asked for; nothing is fetched."""
    update: dict[str, Any] = {"downloads": False}
    device = record.made_by.get("device")
    if settings.device == "auto" and device in DEVICES:
        update["device"] = device
    return settings.model_copy(update=update)


def _missing_weights(one_off: OneOff, model: str) -> list[str]:
    spec = one_off.service.models.find(model)
    if one_off.service.is_available(spec):
        return []
    get = f"get them with `python -m wan_demo models download {spec.id}`"
    return [f"weights: those of {spec.id} are not on this machine; {get}"]


def _missing_loras(one_off: OneOff, request: GenerationRequest) -> list[str]:
    """Those that are not here; raises InvalidRequest for a name that can be none."""
    experts = one_off.service.models.find(request.model).architecture.experts
    return [
        f"loras: {lora.name} is not on this machine; give it with --lora"
        for lora in parse(request.loras)
        if not one_off.service.loras.files.here(lora, experts)
    ]


def _render(
    one_off: OneOff, given: Mapping[str, Any], wanted: GenerationRequest, follow: Follow
) -> Job:
    """The clip once more; raises InvalidRequest where its metadata is not what would run."""
    job = one_off.service.submit(given, owner="shell")
    for field, value in job.request:
        told = getattr(wanted, field)
        if told not in (None, value):  # of None, older clips' too, the frames decide
            raise InvalidRequest(
                field, told, f"does not go with the clip's other settings: {value}"
            )
    job = follow(one_off, job)
    if job.failure is not None:
        raise WanDemoError(job.failure.message)
    return job


def _said(record: Record, key: str) -> str:
    return record.made_by.get(key, "not recorded")
