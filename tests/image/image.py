"""An image: a root folder, and what its containers are told."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"


@dataclass
class Image:
    """What ``docker inspect`` tells of an image, and where its files lie."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    user: str = "0"
    folder: str = "/"
    volumes: Sequence[str] = ()
    ports: Sequence[str] = ()
    command: Sequence[str] = ()
    healthcheck: Sequence[str] = ()
    stop_signal: str = "SIGTERM"

    def copy(self, root: Path) -> Image:
        """The same with a root folder of its own, whose files are to be copied there."""
        return replace(self, root=root, environment=dict(self.environment))

    @property
    def ids(self) -> tuple[int, int]:
        """User and group ID of ``user``, a name or a number, by the image's own list of users.

        Raises KeyError for a name that is not in it.
        """
        for line in (self.root / "etc/passwd").read_text().splitlines():
            name, _, user, group, *_ = line.split(":")
            if self.user in (name, user):
                return int(user), int(group)
        if self.user.isdecimal():
            return int(self.user), 0
        raise KeyError(f"there is no user {self.user}")

    def size(self, folder: str = "/") -> int:
        """Bytes of all files below ``folder``, those with several names once."""
        files = {
            (entry.st_dev, entry.st_ino): entry.st_size
            for where, _, names in os.walk(self.root / folder.lstrip("/"))
            for entry in (os.lstat(Path(where, name)) for name in names)
        }
        return sum(files.values())
