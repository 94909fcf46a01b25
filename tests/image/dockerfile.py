"""A Dockerfile's stages and their instructions, by BuildKit's grammar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from e2b_dockerfile_utils import (
    DockerfileInstruction,
    DockerfileSyntaxError,
    ShellLex,
    parse_dockerfile_ast,
)

ESCAPE = "\\"


class DockerfileError(Exception):
    """The Dockerfile asks for what can't be carried out here."""


@dataclass
class Stage:
    """From one FROM to the next; ``base`` is an image's name or an earlier stage's."""

    base: str
    name: str
    instructions: list[DockerfileInstruction] = field(default_factory=list)


@dataclass(frozen=True)
class Dockerfile:
    """``arguments`` are the defaults of what stands before the first FROM."""

    stages: Sequence[Stage]
    arguments: Mapping[str, str]

    def stage(self, name: str) -> Stage | None:
        """The stage of that name, or None."""
        return next((stage for stage in self.stages if stage.name == name), None)


def read_dockerfile(path: Path, given: Mapping[str, str]) -> Dockerfile:
    """The file's stages, where ``given`` are the build's arguments.

    Raises DockerfileError for what BuildKit's grammar does not allow, an escape character of its
    own, or a FROM with more than AS.
    """
    try:
        parsed = parse_dockerfile_ast(path.read_text())
    except DockerfileSyntaxError as error:
        raise DockerfileError(str(error)) from None
    if parsed.escape_token != ESCAPE:
        raise DockerfileError(f"the escape character is {parsed.escape_token}")
    stages: list[Stage] = []
    arguments: dict[str, str] = {}
    for instruction in parsed.instructions:
        if instruction.name == "FROM":
            stages.append(_stage(instruction, arguments, len(stages)))
        elif stages:
            stages[-1].instructions.append(instruction)
        else:  # the grammar allows nothing but ARG before FROM
            arguments |= declared(instruction, arguments, given)
    return Dockerfile(stages, arguments)


def _stage(instruction: DockerfileInstruction, arguments: Mapping[str, str], number: int) -> Stage:
    match [expand(word, arguments) for word in instruction.args]:
        case [base] if not instruction.flags:
            return Stage(base, str(number))
        case [base, as_, name] if as_.upper() == "AS" and not instruction.flags:
            return Stage(base, name)
    raise DockerfileError(f"line {instruction.start_line}: {instruction.original}")


def declared(
    instruction: DockerfileInstruction, known: Mapping[str, str], given: Mapping[str, str]
) -> Mapping[str, str]:
    """What an ARG brings: what was given, else its default, else what is ``known`` by that name."""
    values: dict[str, str] = {}
    for word in instruction.args:
        name, _, default = word.partition("=")
        values[name] = given.get(name, expand(default, known) or known.get(name, ""))
    return values


def expand(word: str, variables: Mapping[str, str]) -> str:
    """A word with its variables filled in and its quotes taken off, as Docker does it."""
    return ShellLex(ESCAPE, env=variables, skip_unset_env=False).process_word(word)
