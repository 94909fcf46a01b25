"""Arguments as people type them: argparse, with one line for what is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn, TypeAlias

BAD_INPUT = 2
"""Exit status for what can't be done as it was typed."""

HIDDEN = argparse.SUPPRESS
"""As help: the flag is not shown. As default: it sets nothing."""

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
"""What ``add_subparsers`` gives."""


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, and which flag was probably meant.

    Flags are typed whole: the beginning of one may come to mean another when flags are added.
    """

    def __init__(self, **given: Any) -> None:
        self._flags: list[str] = []
        super().__init__(allow_abbrev=False, **given)
        self.set_defaults(parser=self)

    def add_argument(self, *names: Any, **given: Any) -> argparse.Action:
        action = super().add_argument(*names, **given)
        if action.help != HIDDEN:
            self._flags += action.option_strings
        return action

    def parse(self, arguments: Sequence[str] | None = None) -> argparse.Namespace:
        """Exits with ``BAD_INPUT`` for what no flag takes; ``parser`` is the command's own."""
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            options.parser.refuse(unknown[0])
        return options

    def refuse(self, word: str) -> NoReturn:
        """Exit for a word that nothing takes."""
        if not word.startswith("-"):
            self.error(f"{word!r} is not expected here; text of several words goes in quotes")
        flag = word.split("=")[0]
        near = get_close_matches(flag, self._flags, n=1)
        self.error(f"{flag}: there is no such flag" + (f". Nearest: {near[0]}" if near else ""))

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{message}. See `{self.prog} --help`.\n")
