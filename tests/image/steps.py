"""The instructions: each method does what Docker's manual says of the one with its name.

One that is not here, or a flag that is not looked at, is an error: nothing is passed over.
"""

from __future__ import annotations

import posixpath
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from e2b_dockerfile_utils import DockerfileInstruction

from tests.image.dockerfile import DockerfileError, declared, expand
from tests.image.image import Image
from tests.image.sandbox import Bind, Sandbox

SHELL = ("/bin/sh", "-c")
FROM = "/run/from"

Done = subprocess.CompletedProcess[str]
Lent = tuple[Mapping[str, str], Sequence[Bind]]
"""Variables and files that are lent to commands and stay in no image."""


class Steps:
    """Carries out a stage's instructions on ``image``.

    ``sources`` gives the folder that COPY copies from, by the stage's name or None for the context;
    ``outer`` are the arguments declared before the first FROM, ``given`` those of the build.
    """

    def __init__(
        self,
        image: Image,
        sources: Callable[[str | None], Path],
        outer: Mapping[str, str],
        given: Mapping[str, str],
        lent: Lent = ({}, ()),
    ) -> None:
        self.image = image
        self._sources = sources
        self._outer = outer
        self._given = given
        self._lent = lent
        self._arguments: dict[str, str] = {}

    def arg(self, step: DockerfileInstruction) -> None:
        """From here to the stage's end."""
        known = {**self._outer, **self._variables}
        self._arguments |= declared(step, known, self._given)

    def env(self, step: DockerfileInstruction) -> None:
        """For what follows and for containers; a line sees what was before it."""
        words = [self._expand(word) for word in step.args]
        self.image.environment |= dict(zip(words[::3], words[1::3], strict=True))

    def workdir(self, step: DockerfileInstruction) -> Done:
        """Made, as root, where it is missing."""
        self.image.folder = self._within(step.args[0])
        return Sandbox(self.image.root).run(["mkdir", "--parents", self.image.folder])

    def user(self, step: DockerfileInstruction) -> None:
        """KeyError for one that the image does not know."""
        self.image.user = self._expand(step.args[0])
        _ = self.image.ids

    def run(self, step: DockerfileInstruction) -> Done:
        """With the network, as the user, in the folder, with ENV and ARG."""
        _flags(step)
        variables, binds = self._lent
        return Sandbox(
            self.image.root,
            {"HOME": "/root", **variables, **self._variables},
            self.image.folder,
            self.image.ids,
            network=True,
            binds=binds,
        ).run(_command(step))

    def copy(self, step: DockerfileInstruction) -> Done:
        """As root, from the context or another stage; to root, unless --chown says to whom."""
        flags = _flags(step, "from", "chown")
        *sources, last = [self._expand(word) for word in step.args]
        target = self._within(last) + ("/" if last.endswith("/") or len(sources) > 1 else "")
        root = self._sources(flags.get("from"))
        paths = [source.strip("/").removeprefix("./") for source in sources]
        if missing := [path for path in paths if not (root / path).exists()]:
            raise DockerfileError(f"{step.original}: not in the context: {', '.join(missing)}")
        owner = self._expand(flags.get("chown", "0:0"))
        lines = [_copying(path, target, owner, (root / path).is_dir()) for path in paths]
        binds = (Bind(root, FROM),)
        return Sandbox(self.image.root, binds=binds).run([*SHELL, "\n".join(["set -eu", *lines])])

    def volume(self, step: DockerfileInstruction) -> Done:
        """Folders that a container keeps elsewhere; made where they are missing."""
        paths = [self._expand(path) for path in step.args]
        self.image.volumes = (*self.image.volumes, *paths)
        return Sandbox(self.image.root).run(["mkdir", "--parents", *paths])

    def expose(self, step: DockerfileInstruction) -> None:
        """Ports to be opened to others."""
        self.image.ports = (*self.image.ports, *map(self._expand, step.args))

    def stopsignal(self, step: DockerfileInstruction) -> None:
        """What asks a container to end."""
        self.image.stop_signal = self._expand(step.args[0])

    def healthcheck(self, step: DockerfileInstruction) -> None:
        """A command that ends with 0 in a healthy container."""
        _flags(step, "interval", "timeout", "start-period", "retries")
        kind, *words = step.args
        if kind.upper() != "CMD":
            raise DockerfileError(f"{step.original}: only HEALTHCHECK CMD is known here")
        self.image.healthcheck = words if step.json else (*SHELL, *words)

    def cmd(self, step: DockerfileInstruction) -> None:
        """What a container runs."""
        self.image.command = _command(step)

    @property
    def _variables(self) -> Mapping[str, str]:
        return {**self._arguments, **self.image.environment}

    def _expand(self, word: str) -> str:
        return expand(word, self._variables)

    def _within(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.image.folder, self._expand(path)))


def _command(step: DockerfileInstruction) -> Sequence[str]:
    return step.args if step.json else (*SHELL, step.args[0])


def _flags(step: DockerfileInstruction, *known: str) -> Mapping[str, str]:
    """Names to values; raises DockerfileError for any that is not ``known``."""
    parts = (flag.removeprefix("--").partition("=") for flag in step.flags)
    flags = {name: value for name, _, value in parts}
    if unknown := flags.keys() - {*known}:
        raise DockerfileError(f"{step.original}: --{min(unknown)} is not known here")
    return flags


def _copying(path: str, target: str, owner: str, is_folder: bool) -> str:
    """The shell's line for one source: a folder's content, or a file, with all but its owner."""
    source, target = shlex.quote(f"{FROM}/{path}"), shlex.quote(target)
    copy = "cp --archive --no-preserve=ownership"
    own = f"chown --no-dereference {shlex.quote(owner)}"
    if not is_folder:
        parent = target if target.endswith("/") else f'"$(dirname {target})"'
        return (
            f"mkdir --parents {parent} && {copy} {source} {target}\n"
            f'to={target}; [ ! -d "$to" ] || to="$to/$(basename {source})"; {own} "$to"'
        )
    listed = f"cd {source} && find . -print0"
    return (
        f"mkdir --parents {target} && {copy} {source}/. {target}\n"
        f"({listed}) | (cd {target} && xargs --null {own})"
    )
