"""Which files of a repo are fetched, and which names are none that this disk should see.

File names come from a server and become paths here, so they are hostile until checked. Code and
pickles are never fetched, whatever the patterns say: ``KINDS`` is the whole list of what is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from wan_demo.domain.halves import other_half
from wan_demo.domain.source import Source
from wan_demo.errors import DownloadFailed

KINDS = {".safetensors", ".gguf", ".json", ".model", ".txt", ".md"}
PICKLES = {".bin", ".pt", ".pt2", ".pth", ".ckpt", ".pkl", ".pickle"}
COMPONENT_KINDS = {".safetensors", ".json", ".model", ".txt"}
INDEX = "model_index.json"
LEGAL = ("license", "licence", "notice", "readme")
LONGEST_PART = 200
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_VARIANT = re.compile(
    r"[^.]+\.[^.]+\.safetensors"  # model.fp16.safetensors, model.fp16-00001-of-00002.safetensors
    r"|[^.]+\.safetensors\.index\.[^.]+\.json"
)


def wanted(source: Source, paths: Iterable[str]) -> list[str]:
    """The paths of the source's files among all of its repo.

    Raises DownloadFailed where a name is hostile or where they make no checkpoint.
    """
    listed = list(paths)
    for path in listed:
        _refuse_hostile(source, path)
    chosen = _chosen(source, listed)
    for path in chosen:
        _refuse_unfit(source, path)
    if len({path.casefold() for path in chosen}) < len(chosen):
        raise DownloadFailed(f"{source.repo} lists two files of the same name.")
    _refuse_useless(source, listed, chosen)
    return chosen


def _chosen(source: Source, paths: list[str]) -> list[str]:
    if source.is_lora and not source.patterns:
        return _only_lora(source, paths)
    return _by_patterns(source, paths) if source.patterns else _of_diffusers(paths)


def _only_lora(source: Source, paths: list[str]) -> list[str]:
    """The repo's only safetensors file or pair; with more, the person is asked which."""
    files = sorted(path for path in paths if path.endswith(".safetensors"))  # "high" before "low"
    if not files:
        pickled = any(PurePosixPath(path).suffix.lower() in PICKLES for path in paths)
        reason = ", only pickles, which can carry code" if pickled else ""
        raise DownloadFailed(f"{source.repo} has no safetensors file{reason}.")
    if len(files) == 1 or (len(files) == 2 and other_half(files[0]) == files[1]):
        return files
    named = ", ".join(f"{source.repo}/{path}" for path in files[:3])
    raise DownloadFailed(
        f"{source.repo} has {len(files)} safetensors files; name the one that you want, as {named}."
    )


def _by_patterns(source: Source, paths: list[str]) -> list[str]:
    return [
        path
        for path in paths
        if PurePosixPath(path).suffix.lower() in KINDS
        and any(fnmatchcase(path, pattern) for pattern in source.patterns)
    ]


def _of_diffusers(paths: list[str]) -> list[str]:
    """A diffusers folder: the index, the legal texts, and each component's own files.

    A component's variants (fp16) are left out where it has the plain weights too.
    """
    chosen = [path for path in paths if _is_of_diffusers(PurePosixPath(path))]
    plain = {
        PurePosixPath(path).parent
        for path in chosen
        if path.endswith(".safetensors") and not _is_variant(path)
    }
    return [
        path for path in chosen if not _is_variant(path) or PurePosixPath(path).parent not in plain
    ]


def _is_of_diffusers(path: PurePosixPath) -> bool:
    if len(path.parts) == 1:
        is_legal = path.stem.lower() in LEGAL and path.suffix.lower() in ("", ".md", ".txt")
        return path.name == INDEX or is_legal
    return len(path.parts) == 2 and path.suffix.lower() in COMPONENT_KINDS


def _is_variant(path: str) -> bool:
    return _VARIANT.fullmatch(PurePosixPath(path).name) is not None


def _refuse_hostile(source: Source, path: str) -> None:
    """No honest repo has such a name, so one refuses it all."""
    is_hostile = (
        not path.isprintable()  # NUL, line ends, escapes, direction marks, lone surrogates
        or "\\" in path
        or path.startswith("/")
        or re.match(r"[A-Za-z]:", path) is not None
        or any(part in ("", ".", "..") for part in path.split("/"))
    )
    if is_hostile:
        raise DownloadFailed(f"{source.repo} lists a file name that is not safe: {path[:80]!a}.")


def _refuse_unfit(source: Source, path: str) -> None:
    """Some system can't have a file of this name, or takes it for something else."""
    for part in path.split("/"):
        is_unfit = (
            _RESERVED.fullmatch(part) is not None
            or ":" in part
            or part[-1] in ". "
            or len(part.encode()) > LONGEST_PART
        )
        if is_unfit:
            raise DownloadFailed(
                f"{source.repo} lists a file name that can't be kept: {path[:80]!a}."
            )


def _refuse_useless(source: Source, listed: list[str], chosen: list[str]) -> None:
    """Say before the first byte that this will not load, and why."""
    if source.is_lora:
        if source.patterns and source.patterns[0] not in chosen:
            raise DownloadFailed(f"{source.repo} has no {source.patterns[0]}.")
        return
    if source.patterns:
        if not chosen:
            raise DownloadFailed(f"{source.repo} has no {' or '.join(source.patterns)}.")
        return
    if INDEX not in chosen:
        raise DownloadFailed(f"{source.repo} is no diffusers checkpoint: it has no {INDEX}.")
    with_weights = {PurePosixPath(p).parent for p in chosen if p.endswith(".safetensors")}
    for path in map(PurePosixPath, chosen):
        if path.name == "config.json" and path.parent not in with_weights:
            raise DownloadFailed(_without_weights(source, path.parent, listed))


def _without_weights(source: Source, component: PurePosixPath, listed: list[str]) -> str:
    files = [path for path in map(PurePosixPath, listed) if path.parent == component]
    pickled = [path.name for path in files if path.suffix.lower() in PICKLES]
    reason = f"; {pickled[0]} can carry code and is never loaded" if pickled else ""
    return f"{source.repo} has no safetensors weights in {component}/{reason}."
