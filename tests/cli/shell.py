"""The command line as a person has it: a process of its own, in a terminal or in a pipe."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "wan_demo", *arguments]


def environment(**more: str) -> dict[str, str]:
    """This one's own, without a way to the real hub, for a folder that is not the app's."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **more}


class Terminal:
    """A command whose input, output and errors are one terminal of 80 columns.

    In a session of its own, so that Ctrl+C reaches it alone; and it does reach it, even where the
    tests run in the background, whose processes inherit that it is ignored.
    """

    def __init__(self, *arguments: str, **more: str) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            ["env", "--default-signal=INT", *command(*arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=environment(**more),
        )
        os.close(slave)
        self.said = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def read_until(self, is_enough: Callable[[str], bool] = lambda _: False) -> str:
        """What was said so far, once it is enough or the command is at its end."""
        while not is_enough(self.said):
            try:
                piece = os.read(self._master, 4096)
            except OSError:  # Linux's way to say that the other end was closed
                break
            self.said += piece.decode(errors="replace")
        return self.said

    def interrupt(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def status(self) -> int:
        """The exit status, once it has ended."""
        self.read_until()
        return self._process.wait()
