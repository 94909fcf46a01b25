"""A Dockerfile carried out: a stage is a root folder, in which each instruction is done."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from e2b_dockerfile_utils import DockerfileInstruction

from tests.image.base import make_base
from tests.image.context import Context
from tests.image.dockerfile import Dockerfile, DockerfileError, Stage, read_dockerfile
from tests.image.image import Image
from tests.image.pip_here import pip_here
from tests.image.steps import Steps

Step = Callable[[DockerfileInstruction], subprocess.CompletedProcess[str] | None]


class BuildFailed(Exception):
    """An instruction was carried out, and failed: its line, its words and what it said."""

    def __init__(self, instruction: DockerfileInstruction, said: str) -> None:
        line, words = instruction.start_line, instruction.original
        super().__init__(f"line {line}: {words}\n{said[-3000:]}")


class Build:
    """What ``docker build FOLDER`` does, below ``scratch``.

    ``arguments`` are its ``--build-arg``. As with BuildKit, only stages that a target needs are
    made, and each of them once. ``bases`` are what stands in for images, if some are there already.
    """

    def __init__(
        self,
        folder: Path,
        scratch: Path,
        arguments: Mapping[str, str],
        bases: dict[str, Image] | None = None,
    ) -> None:
        self._folder = folder
        self._scratch = scratch
        self._arguments = arguments
        self.bases = {} if bases is None else bases
        self._stages: dict[str, Image] = {}

    @cached_property
    def dockerfile(self) -> Dockerfile:
        """Its stages."""
        return read_dockerfile(self._folder / "Dockerfile", self._arguments)

    @cached_property
    def _context(self) -> Path:
        return as_strictly_cloned(Context(self._folder).write(self._scratch / "context"))

    def image(self, target: str | None = None) -> Image:
        """The image of the stage named ``target``, the last one by default.

        Raises BuildFailed, DockerfileError or NoStandIn.
        """
        stage = self.dockerfile.stages[-1] if target is None else self.dockerfile.stage(target)
        if stage is None:
            raise DockerfileError(f"there is no stage {target}")
        if stage.name not in self._stages:
            self._stages[stage.name] = self._make(stage)
        return self._stages[stage.name]

    def base(self, name: str) -> Image:
        """The image that stands in for one of a registry."""
        if name not in self.bases:
            root = self._scratch / f"base-{len(self.bases)}"
            make_base(name, root)
            self.bases[name] = Image(root)
        return self.bases[name]

    def _make(self, stage: Stage) -> Image:
        below = self.dockerfile.stage(stage.base)
        base = self.base(stage.base) if below is None else self.image(below.name)
        if not stage.instructions:
            return base
        image = base.copy(self._scratch / f"stage-{stage.name}")
        copy_tree(base.root, image.root)
        steps = Steps(image, self._sources, self.dockerfile.arguments, self._arguments, pip_here())
        for instruction in stage.instructions:
            _do(_step(steps, instruction), instruction)
        return image

    def _sources(self, stage: str | None) -> Path:
        """Where COPY copies from: another stage's root, or the context."""
        return self._context if stage is None else self.image(stage).root


def _step(steps: Steps, instruction: DockerfileInstruction) -> Step:
    step: Step | None = getattr(steps, instruction.name.lower(), None)
    if step is None or instruction.heredocs:
        raise DockerfileError(
            f"line {instruction.start_line}: {instruction.name} is not known here: "
            f"{instruction.original}"
        )
    return step


def _do(step: Step, instruction: DockerfileInstruction) -> None:
    done = step(instruction)
    if done is not None and done.returncode != 0:
        raise BuildFailed(instruction, done.stdout)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a root folder with its owners, modes and links, without its bytes where that can be."""
    subprocess.run(["cp", "--archive", "--reflink=auto", source, target], check=True)


def as_strictly_cloned(folder: Path) -> Path:
    """Its files for their owner alone, as after a clone under the umask 077; returns it."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    return folder
