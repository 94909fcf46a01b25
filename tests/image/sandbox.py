"""A command in a root folder of its own, as a container has it, by bubblewrap.

What is mounted is so in the command's own mount namespace and its processes live in a PID namespace
of their own, so that the kernel cleans up both, however the command or the test ends.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = (0, 0)
MOST_SECONDS = 1200

DOCKERS = (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
    "SYS_CHROOT KILL AUDIT_WRITE"
).split()
"""What root may do in a container unless more is said: Docker's own list of capabilities."""

TO_BECOME_SOMEBODY = "SETGID SETUID SETPCAP".split()


@dataclass(frozen=True)
class Bind:
    """``source``, a file or folder of this machine, at ``target`` within."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True)
class Sandbox:
    """How a command runs: where its root lies, as whom, and with what of this machine."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: tuple[int, int] = ROOT
    writable: bool = True
    network: bool = False
    binds: Sequence[Bind] = ()

    def command(self, command: Sequence[str], *options: str) -> list[str]:
        """What to start, so that ``command`` runs in it as its process 1.

        ``options`` are bubblewrap's own.
        """
        return [
            *("bwrap", "--bind" if self.writable else "--ro-bind", str(self.root), "/"),
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run", *self._binds()),
            *("--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-uts", "--die-with-parent"),
            *(() if self.network else ("--unshare-net",)),
            *("--chdir", self.folder, "--cap-drop", "ALL"),
            *(part for name in self._capabilities() for part in ("--cap-add", f"CAP_{name}")),
            *("--clearenv", *self._variables(), *options, "--"),
            *as_user(self.user),
            *command,
        ]

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run it to its end; what it said, errors among it, is in ``stdout``."""
        return subprocess.run(
            self.command(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=MOST_SECONDS,
        )

    def _binds(self) -> list[str]:
        return [
            part
            for bind in self.binds
            for part in (
                "--bind" if bind.writable else "--ro-bind",
                str(bind.source),
                bind.target,
            )
        ]

    def _capabilities(self) -> Sequence[str]:
        return DOCKERS if self.user == ROOT else TO_BECOME_SOMEBODY

    def _variables(self) -> list[str]:
        pairs = self.environment.items()
        return [part for name, text in pairs for part in ("--setenv", name, text)]


def as_user(user: tuple[int, int]) -> Sequence[str]:
    """What stands before a command to run it by user and group ID, with nothing of root's."""
    if user == ROOT:
        return ()
    return (
        *("setpriv", f"--reuid={user[0]}", f"--regid={user[1]}", "--clear-groups"),
        *("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"),
    )
