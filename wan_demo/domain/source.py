"""Where a checkpoint comes from: a repo of the Hugging Face hub, as a checked value."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wan_demo.errors import InvalidRequest

_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
_REPO = re.compile(f"{_NAME}/{_NAME}")
_REVISION = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._/-]*[A-Za-z0-9_-])?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
LONGEST_REPO = 96
LONGEST_REVISION = 200


@dataclass(frozen=True)
class Source:
    """A repo, which of its revisions, and which of its files.

    ``patterns`` are fnmatch patterns over paths in the repo; without any it is what a diffusers
    folder needs. With ``is_lora`` they are a file and perhaps its other half, and without any it
    is the repo's only file or pair. Raises InvalidRequest("model", ...) for a repo or revision
    that can't be one: both become parts of addresses and of paths on this disk.
    """

    repo: str
    revision: str = "main"
    patterns: tuple[str, ...] = ()
    is_lora: bool = False

    def __post_init__(self) -> None:
        if not _is_repo(self.repo):
            allowed = "must be a repo of the hub, as owner/name in letters, digits, '-', '_', '.'"
            raise InvalidRequest("model", self.repo, allowed)
        if not _is_revision(self.revision):
            allowed = "its revision must be a branch, a tag or a commit of the repo"
            raise InvalidRequest("model", self.revision, allowed)

    @property
    def commit(self) -> str | None:
        """The revision where it is a full commit id, which never comes to mean something else."""
        return self.revision if _COMMIT.fullmatch(self.revision) else None


def _is_repo(text: str) -> bool:
    return (
        _REPO.fullmatch(text) is not None
        and len(text) <= LONGEST_REPO
        and "--" not in text  # stands for "/" in the cache's folder names
        and ".." not in text
        and not text.endswith(".git")
    )


def _is_revision(text: str) -> bool:
    """What git allows a name to be, less what is special to a file system."""
    parts = text.split("/")
    return (
        _REVISION.fullmatch(text) is not None
        and len(text) <= LONGEST_REVISION
        and all(part and part[0] != "." and part[-1] != "." for part in parts)
        and ".." not in text
        and not any(part.endswith(".lock") for part in parts)
    )
