"""The data folder's ``loras/``: what lies there for everybody to use, by file name and no path."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from wan_demo.domain.halves import half, other_half
from wan_demo.domain.lora import SUFFIX, Lora, parse, split
from wan_demo.errors import InvalidRequest

NONE_LENT: Mapping[str, Path] = MappingProxyType({})


class LoraFolder:
    """Files of one folder. ``lent`` are others by names of their own: those of a shell's command.

    Links that lead out of the folder are as good as missing.
    """

    def __init__(self, root: Path, lent: Mapping[str, Path] = NONE_LENT) -> None:
        self.root = root
        self._lent = lent

    def names(self) -> list[str]:
        """What there is to choose, in order; a pair for two experts once, as its high half.

        A file whose name a request can't hold is left out: other bytes than text, or a comma.
        """
        listed = (path for path in self._listed() if self._is_ours(path))
        found = {path.name for path in listed if _is_a_name(path.name)}
        low = {name for name in found if half(name) == "low" and other_half(name) in found}
        return sorted(found - low, key=str.casefold)

    def has(self, name: str) -> bool:
        """Whether a file of that name lies in the folder itself."""
        return self._is_ours(self.root / name)

    def find(self, lora: Lora, has_pair: bool) -> tuple[Path, ...]:
        """The LoRA's file, and its other half where that is there and ``has_pair``; else none."""
        names = [lora.name, *([other_half(lora.name)] if has_pair else [])]
        found = [path for name in names if name and (path := self._path(name))]
        return tuple(found) if found and found[0].name == lora.name else ()

    def _path(self, name: str) -> Path | None:
        path = self._lent.get(name, self.root / name)
        return path if name in self._lent or self._is_ours(path) else None

    def _listed(self) -> Sequence[Path]:
        return list(self.root.glob(f"*{SUFFIX}")) if self.root.is_dir() else ()

    def _is_ours(self, path: Path) -> bool:
        """Whether it is a file right in the folder, behind whatever links."""
        return (
            path.parent == self.root
            and os.path.isfile(path)  # False also for a name that can be none
            and path.resolve().is_relative_to(self.root.resolve())
        )


def _is_a_name(name: str) -> bool:
    try:
        return [lora.name for lora in parse(name)] == [name]
    except InvalidRequest:
        return False


def lend(said: Sequence[str], folder: LoraFolder) -> tuple[list[str], dict[str, Path]]:
    """Texts of a shell with their paths replaced by names, and the files of these names.

    A file of ``folder`` is meant before one of the same name in the working folder. The other half
    of a pair is lent with it. Raises InvalidRequest("loras", ...) for a path that is no file.
    """
    texts: list[str] = []
    lent: dict[str, Path] = {}
    for one in said:
        name, rest = split(one)
        path = Path(os.path.expanduser(name))  # pathlib's raises for an unknown person's home
        if _is_path(name, path, folder):
            _lend(name, path, lent)
            name = path.name
        texts.append(name + rest)
    return texts, lent


def _is_path(name: str, path: Path, folder: LoraFolder) -> bool:
    says_so = name.startswith((".", "/", "~")) or "\\" in name or path.is_absolute()
    return says_so or (os.path.isfile(path) and not folder.has(name))


def _lend(name: str, path: Path, lent: dict[str, Path]) -> None:
    if not os.path.isfile(path):
        raise InvalidRequest("loras", name, "must be a file that exists")
    if lent.get(path.name, path) != path:
        raise InvalidRequest("loras", name, "must have a name of its own among those given")
    lent[path.name] = path
    other = path.with_name(other_half(path.name) or path.name)
    if other.is_file():
        lent.setdefault(other.name, other)
