"""Looks at a Space's folder as the Hub would: ``python -m scripts.space_check FOLDER``.

The front matter and its limits are those of the Hub's reference of Space configurations; sizes and
binary files those of a push to it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import SpaceHardware
from packaging.requirements import InvalidRequirement, Requirement

HARDWARE = tuple(kind.value for kind in SpaceHardware)
COLORS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
MAX_BYTES = 10 * 10**6
MAX_ALL_BYTES = 10**9
MAX_DESCRIPTION = 60
NEEDED = ("title", "emoji", "sdk", "sdk_version", "app_file")

FORBIDDEN = (
    *(".git", ".venv*", "__pycache__", "*.pyc", "node_modules", ".pytest_cache", ".ruff_cache"),
    *(".env*", "*.pem", "*.key", "id_rsa*", "*.sqlite3*", "secret", "*.part"),
    *("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl"),  # pickles run code
    *("tests", "training", "docs", "data", "runs"),
)
SECRET = re.compile(rb"\bhf_[A-Za-z]{30,}\b")

ZERO_TORCH = ("2.8.0", "2.9.1", "2.10.0", "2.11.0")
"""The versions that ZeroGPU knows."""


def main() -> int:
    """Say what is wrong with the folder of the command line."""
    return report(Path(sys.argv[1]))


def report(folder: Path) -> int:
    """Print what is wrong; 0 where nothing is, else 1."""
    wrong = list(findings(folder))
    for finding in wrong:
        print(finding)
    print(f"{len(wrong)} faults" if wrong else "The folder can be pushed.")
    return 1 if wrong else 0


def findings(folder: Path) -> Iterator[str]:
    """What the Hub would refuse, and what would keep the Space from starting, a sentence each."""
    try:
        known, _ = split((folder / "README.md").read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        yield f"README.md: has no front matter ({error})"
        return
    yield from _about_front_matter(known)
    yield from _about_app(folder, str(known.get("app_file", "")))
    yield from _about_requirements(folder, known)
    yield from _about_packages(folder)
    yield from _about_files(folder)


def split(readme: str) -> tuple[dict[str, Any], str]:
    """A README's front matter and text; ValueError where it has none."""
    found = re.match(r"---\n(.*?)\n---\n(.*)", readme, re.DOTALL)
    known = yaml.safe_load(found[1]) if found else None
    if not found or not isinstance(known, dict):
        raise ValueError("it must begin with fields between two lines of ---")
    return known, found[2]


def _matches(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _one_of(*allowed: str) -> Callable[[Any], bool]:
    return lambda value: value in allowed


def _list_of(pattern: str) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, list) and bool(value) and all(map(_matches(pattern), value))
    )


_REPO = r"[\w.-]+/[\w.-]+"

FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "title": (_matches(r".{1,100}"), "must be a text of 1 to 100 characters"),
    "emoji": (_matches(r"[^\w\s]{1,4}"), "must be an emoji"),
    "colorFrom": (_one_of(*COLORS), f"must be one of {', '.join(COLORS)}"),
    "colorTo": (_one_of(*COLORS), f"must be one of {', '.join(COLORS)}"),
    "sdk": (_one_of("gradio"), "must be gradio: ZeroGPU knows no other"),
    "sdk_version": (_matches(r"\d+\.\d+\.\d+"), "must be a whole version, in quotes if need be"),
    "python_version": (_matches(r"3\.1[0-3](\.\d+)?"), 'must be "3.10" to "3.13", in quotes'),
    "app_file": (_matches(r"[\w./-]+\.py"), "must be the path of a Python file"),
    "license": (_matches(r"[a-z0-9.-]+"), "must be one of the Hub's licenses"),
    "short_description": (
        _matches(rf".{{1,{MAX_DESCRIPTION}}}"),
        f"must be a text of at most {MAX_DESCRIPTION} characters",
    ),
    "suggested_hardware": (_one_of(*HARDWARE), f"must be one of {', '.join(HARDWARE)}"),
    "models": (_list_of(_REPO), "must be a list of owner/name"),
    "datasets": (_list_of(_REPO), "must be a list of owner/name"),
    "tags": (_list_of(r"[\w.:-]+"), "must be a list of words"),
    "preload_from_hub": (
        _list_of(rf"{_REPO}( \S+){{0,2}}"),
        "must be a list of owner/name [files]",
    ),
    "startup_duration_timeout": (_matches(r"\d+(s|m|h)"), "must be a time such as 30m or 1h"),
    "pinned": (lambda value: isinstance(value, bool), "must be true or false"),
    "header": (_one_of("mini", "default"), "must be mini or default"),
    "disable_embedding": (lambda value: isinstance(value, bool), "must be true or false"),
    "hf_oauth": (lambda value: isinstance(value, bool), "must be true or false"),
}


def _about_front_matter(known: Mapping[str, Any]) -> Iterator[str]:
    for name in NEEDED:
        if name not in known:
            yield f"README.md: {name} is missing"
    for name, value in known.items():
        if name not in FIELDS:
            yield f"README.md: {name} is no field of a Space"
        elif not FIELDS[name][0](value):
            yield f"README.md: {name}: {FIELDS[name][1]}; it is {value!r}"


def _about_app(folder: Path, app_file: str) -> Iterator[str]:
    if not (folder / app_file).is_file():
        yield f"{app_file}: the app_file is missing"
    for path in folder.rglob("*.py"):
        try:
            ast.parse(path.read_bytes(), feature_version=(3, 12))
        except (SyntaxError, ValueError) as error:
            yield f"{path.relative_to(folder)}: does not compile ({error})"


def _about_requirements(folder: Path, known: Mapping[str, Any]) -> Iterator[str]:
    try:
        lines = (folder / "requirements.txt").read_text().splitlines()
    except OSError:
        yield "requirements.txt: is missing"
        return
    named: dict[str, Requirement] = {}
    for line in filter(None, (line.partition("#")[0].strip() for line in lines)):
        try:
            named |= {(wanted := Requirement(line)).name: wanted}
        except InvalidRequirement:
            yield f"requirements.txt: {line!r} is no requirement by name"
    version = str(known.get("sdk_version"))
    if "gradio" in named and version not in named["gradio"].specifier:
        yield f"requirements.txt: {named['gradio']} is not the sdk_version, {version}"
    if str(known.get("suggested_hardware", "")).startswith("zero"):
        yield from _about_zero_gpu(named)


def _about_zero_gpu(named: Mapping[str, Requirement]) -> Iterator[str]:
    torch = named.get("torch")
    if "spaces" not in named:
        yield "requirements.txt: spaces is missing, which ZeroGPU needs"
    if torch is None or not any(version in torch.specifier for version in ZERO_TORCH):
        yield f"requirements.txt: torch must allow one of {', '.join(ZERO_TORCH)}"
    elif "2.12.0" in torch.specifier:
        yield f"requirements.txt: {torch} also allows versions that ZeroGPU does not know"


def _about_packages(folder: Path) -> Iterator[str]:
    path = folder / "packages.txt"
    for line in path.read_text().split("\n") if path.is_file() else ():
        if line and not re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", line):
            yield f"packages.txt: {line!r} is no name of a Debian package"


def _about_files(folder: Path) -> Iterator[str]:
    tracked, total = _large_file_patterns(folder), 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_symlink():
            yield f"{name}: is a link"
        elif any(fnmatch(path.name, pattern) for pattern in FORBIDDEN):
            yield f"{name}: must not be pushed"
        if path.is_symlink() or not path.is_file():
            continue
        total += path.stat().st_size
        content = path.read_bytes()
        if len(content) > MAX_BYTES:
            yield f"{name}: has {len(content) / 1e6:.1f} MB, and 10 are allowed"
        if b"\0" in content[:8000] and not any(fnmatch(path.name, one) for one in tracked):
            yield f"{name}: is binary, and .gitattributes does not put it into large file storage"
        if SECRET.search(content):
            yield f"{name}: holds an access token of the Hub"
    if total > MAX_ALL_BYTES:
        yield f"all files: have {total / 1e9:.1f} GB, and 1 is allowed"


def _large_file_patterns(folder: Path) -> list[str]:
    path = folder / ".gitattributes"
    lines = path.read_text().splitlines() if path.is_file() else []
    return [line.split()[0] for line in lines if "filter=lfs" in line]


if __name__ == "__main__":
    sys.exit(main())
