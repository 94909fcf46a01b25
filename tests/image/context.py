"""The build's context: what of a folder ``.dockerignore`` lets in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from e2b_dockerfile_utils import PatternMatcher


class Context:
    """The files below ``folder`` that are not ignored."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._matcher = PatternMatcher((folder / ".dockerignore").read_text().splitlines())

    def has(self, path: str) -> bool:
        """Whether a file of that path, relative to the folder, would be sent to Docker."""
        return not self._matcher.matches(path)

    def files(self) -> Iterator[str]:
        """Paths of all files that are sent, relative to the folder."""
        yield from self._below(self._folder)

    def write(self, target: Path) -> Path:
        """Copy them all below ``target``, which is made; returns it."""
        for path in self.files():
            copied = target / path
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._folder / path, copied, follow_symlinks=False)
        return target

    def _below(self, folder: Path) -> Iterator[str]:
        for entry in sorted(folder.iterdir()):
            path = entry.relative_to(self._folder).as_posix()
            if entry.is_dir() and not entry.is_symlink():
                if self.has(path) or self._matcher.may_match_under(path):
                    yield from self._below(entry)
            elif (entry.is_file() or entry.is_symlink()) and self.has(path):
                yield path
