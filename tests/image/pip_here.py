"""What pip knows on this machine, lent to a pip in a sandbox: indexes, wheels, certificates.

A container's pip would find them by the network; here some may lie on the disk. Nothing of it stays
in an image: settings go by the environment, as the proxies that Docker hands to a build, and files
under ``/run``, which is no part of it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.image.sandbox import Bind

WITHIN = "/run/pip"
SECTIONS = ("global", "install", ":env:")
"""Of ``pip config list``, the last one winning, as in pip itself."""

INDEXES = ("index-url", "extra-index-url")
FILE = "file://"


def pip_here() -> tuple[Mapping[str, str], Sequence[Bind]]:
    """Variables for the sandbox, and what they name of this machine's files."""
    binds: list[Bind] = []
    variables = {
        f"PIP_{name.upper().replace('-', '_')}": " ".join(
            _moved(name, part, binds) for part in value.split()
        )
        for name, value in _settings(_listed()).items()
    }
    return variables, binds


def _listed() -> str:
    command = [sys.executable, "-m", "pip", "config", "list"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _settings(listed: str) -> Mapping[str, str]:
    """Names to values of what ``pip config list`` wrote: lines such as ``global.cert='...'``."""
    found: dict[tuple[str, str], str] = {}
    for line in listed.splitlines():
        key, equals, value = line.partition("=")
        section, dot, name = key.rpartition(".")
        if equals and dot:
            found[section, name] = str(ast.literal_eval(value))
    return {
        name: value
        for wanted in SECTIONS
        for (section, name), value in found.items()
        if section == wanted
    }


def _moved(name: str, part: str, binds: list[Bind]) -> str:
    """Where ``part`` of the setting lies within, if it names something of this machine's disk.

    Of an index its neighbours come along, as its pages link to them.
    """
    path = Path(part.removeprefix(FILE))
    if not path.is_absolute() or not path.exists():
        return part
    source, below = (path.parent, f"/{path.name}") if name in INDEXES else (path, "")
    target = f"{WITHIN}/{len(binds)}"
    binds.append(Bind(source, target))
    return f"{FILE if part.startswith(FILE) else ''}{target}{below}"
