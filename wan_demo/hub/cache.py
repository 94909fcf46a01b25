"""The hub's cache on this disk, in its standard layout, so that every tool shares one copy.

models--owner--name/
    blobs/<checksum>                    a file's bytes, whole
    blobs/<checksum>.wan_demo.part      the first bytes of one: a later try goes on from here
    snapshots/<commit>/<path>           a link to a blob
    refs/<revision>                     the commit that a branch or tag stood for
    wan_demo/<key>.json                 our record that a source is here, whole; written last
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import constants

from wan_demo.domain.source import Source
from wan_demo.hub.listing import HubFile, Listing

PART = ".wan_demo.part"
FORMAT = 1
LONGEST_JSON = 16 * 2**20
"""Bytes of a record or of an index: umT5's has 30 kB."""

_WILD = frozenset("*?[")


class RepoCache:
    """Where one repo's files lie; ``root`` is the cache of all repos, by default the user's own."""

    def __init__(self, repo: str, root: Path | None = None) -> None:
        self._root = root or default_root()
        name = "--".join(["models", *repo.split("/")])
        self.folder = self._root / name
        self.blobs = self.folder / "blobs"
        self.lock = self._root / ".locks" / name / "wan_demo.lock"

    def create(self) -> RepoCache:
        """Make the folders that a download writes to; returns itself."""
        for folder in (self.blobs, self.lock.parent):
            folder.mkdir(parents=True, exist_ok=True)
        return self

    def blob(self, file: HubFile) -> Path:
        """Where the file's bytes lie once they are whole."""
        return self.blobs / file.blob

    def part(self, file: HubFile) -> Path:
        """Where the file's bytes gather."""
        return self.blobs / f"{file.blob}{PART}"

    def snapshot(self, commit: str) -> Path:
        """A commit as a folder."""
        return self.folder / "snapshots" / commit

    def has(self, file: HubFile, commit: str) -> bool:
        """Whether the file is here: as a blob or, where a system has no links, in the snapshot."""
        places = (self.blob(file), self.snapshot(commit) / file.path)
        return any(_size(place) == file.size for place in places)

    def bytes_of(self, file: HubFile, commit: str) -> int:
        """How many of the file's bytes are here."""
        if self.has(file, commit):
            return file.size
        return min(_size(self.part(file)) or 0, file.size)

    def bytes_kept(self) -> int:
        """Bytes of every file and part of this repo; needs no list."""
        if not self.blobs.is_dir():
            return 0
        return sum(_size(path) or 0 for path in self.blobs.iterdir())

    def sweep(self, listing: Listing) -> None:
        """Delete the parts of files that the commit no longer has: they will never be finished."""
        for part in self.blobs.glob(f"*{PART}"):
            if part.name.removesuffix(PART) not in listing.blobs:
                part.unlink(missing_ok=True)

    def publish(self, source: Source, listing: Listing) -> Path:
        """Make a snapshot of files that are all here; returns its folder.

        The record comes last: before it, a crash leaves what the next try completes.
        """
        snapshot = self.snapshot(listing.commit)
        for file in listing.files:
            self._link(file, snapshot / file.path)
        if source.commit is None:
            with replacing(self.folder / "refs" / source.revision) as part:
                part.write_text(listing.commit)
        with replacing(self._record(source)) as part:
            part.write_text(json.dumps(_as_record(source, listing), indent=1))
        return snapshot

    def recorded(self, source: Source) -> Path | None:
        """The snapshot that we finished and that is still whole."""
        record = _read(self._record(source))
        try:
            snapshot = self.snapshot(record["commit"])
            sizes = {snapshot / path: size for path, size in record["files"].items()}
        except (KeyError, TypeError, AttributeError):
            return None
        return snapshot if all(_size(path) == size for path, size in sizes.items()) else None

    def foreign(self, source: Source) -> Path | None:
        """The snapshot that another tool made, where it can be seen to be whole.

        Patterns with wildcards can't be checked without the hub's list: its answer is then all
        that a fetch needs, since no file that is here is asked for again.
        """
        commit = source.commit or _read_ref(self.folder / "refs" / source.revision)
        if source.is_lora and not source.patterns:
            return None  # which file it is only the hub's list can say
        if commit is None or not (snapshot := self.snapshot(commit)).is_dir():
            return None
        if source.patterns:
            is_here = all(_is_named(snapshot, pattern) for pattern in source.patterns)
        else:
            is_here = is_whole(snapshot)
        return snapshot if is_here else None

    def names(self, source: Source) -> tuple[str, ...]:
        """The paths of the source's own files in a snapshot that is here."""
        record = _read(self._record(source))
        try:
            return tuple(record["files"])
        except (KeyError, TypeError):
            return source.patterns

    def _record(self, source: Source) -> Path:
        kind = ["lora"] if source.is_lora else []
        asked = json.dumps([source.revision, source.patterns, *kind])
        return self.folder / "wan_demo" / f"{hashlib.sha256(asked.encode()).hexdigest()[:16]}.json"

    def _link(self, file: HubFile, place: Path) -> None:
        """A link in the snapshot, as good as the system has: symbolic, hard, or a copy."""
        blob = self.blob(file)
        if _size(place) == file.size or _size(blob) != file.size:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        try:
            place.symlink_to(os.path.relpath(blob, place.parent))
        except OSError:  # Windows allows it to developers only
            _copy(blob, place)


def default_root() -> Path:
    """The folder of all repos: that of HF_HOME or HF_HUB_CACHE."""
    return Path(constants.HF_HUB_CACHE)


def find(source: Source, root: Path | None = None) -> Path | None:
    """The source's snapshot where all of it is on this disk, else None; asks no network.

    ``root`` is the cache's folder; by default the one of HF_HOME or HF_HUB_CACHE.
    """
    cache = RepoCache(source.repo, root)
    return cache.recorded(source) or cache.foreign(source)


def files(source: Source, root: Path | None = None) -> tuple[Path, ...]:
    """The source's own files where all of them are on this disk, else none; asks no network.

    The one of its first pattern is first.
    """
    snapshot, cache = find(source, root), RepoCache(source.repo, root)
    if snapshot is None:
        return ()
    first = source.patterns[0] if source.patterns else ""
    names = sorted(cache.names(source), key=lambda name: (name != first, name))
    return tuple(snapshot / name for name in names)


def is_whole(folder: Path) -> bool:
    """Whether a diffusers folder has weights of each component, and every shard of an index."""
    return (
        (folder / "model_index.json").is_file()
        and all(_has_weights(config.parent) for config in folder.glob("*/config.json"))
        and all(_has_shards(index) for index in folder.glob("*/*.safetensors.index*.json"))
    )


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path to write to, which becomes ``target`` whole, or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        yield part
        put(part, target)
    finally:
        part.unlink(missing_ok=True)


def put(part: Path, target: Path) -> None:
    """Rename a finished file to its place: what has that name is whole, even after a power loss.

    The rename itself may be lost then, which costs nothing: the bytes wait in the part.
    """
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)


def _copy(blob: Path, place: Path) -> None:
    try:
        place.hardlink_to(blob)
    except OSError:
        with replacing(place) as part:
            shutil.copyfile(blob, part)


def _as_record(source: Source, listing: Listing) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "revision": source.revision,
        "patterns": source.patterns,
        "commit": listing.commit,
        "files": {file.path: file.size for file in listing.files},
        "checksums": {file.path: file.blob for file in listing.files},
    }


def _read(path: Path) -> Any:
    """A JSON file's content; None where it is missing or broken."""
    try:
        if (_size(path) or 0) > LONGEST_JSON:
            return None
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _read_ref(path: Path) -> str | None:
    try:
        commit = path.read_text().strip()
    except (OSError, ValueError):
        return None
    return commit if commit.isalnum() else None


def _size(path: Path) -> int | None:
    """A file's size in bytes, through links; None where there is no such file."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def _is_named(snapshot: Path, pattern: str) -> bool:
    return not _WILD.intersection(pattern) and (snapshot / pattern).is_file()


def _has_weights(component: Path) -> bool:
    return any(path.is_file() for path in component.glob("*.safetensors"))


def _has_shards(index: Path) -> bool:
    try:
        names = set(_read(index)["weight_map"].values())
        return all(_size(index.parent / name) is not None for name in names)
    except (KeyError, TypeError, AttributeError):
        return False
