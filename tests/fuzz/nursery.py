"""The decoder's child, forked from a warm process: a file costs milliseconds, not half a second.

What it does and the limits it does it under are those of ``python -m wan_demo.media.child``.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """How it ended: the status as ``subprocess`` has it, the answer, what it took, what it said."""

    status: int
    answer: Mapping[str, Any]
    cpu_seconds: float
    peak_bytes: int
    errors: str


class Nursery:
    """Where children come from."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def opened(self, command: Mapping[str, Any]) -> Outcome:
        """What the child does with one command."""
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None
        assert told is not None
        asked.write(json.dumps(command) + "\n")
        asked.flush()
        return Outcome(**json.loads(told.readline()))


@contextmanager
def nursery() -> Iterator[Nursery]:
    """One for a module's tests."""
    command = [sys.executable, "-m", "tests.fuzz.nursery"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        yield Nursery(process)
        process.kill()


def main() -> None:
    """A command a line; a fork for each, and a line about how it ended."""
    from PIL import Image

    import wan_demo.media.child

    Image.init()
    for line in sys.stdin:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _work(wan_demo.media.child, line, os.fdopen(writing, "w"))
        os.close(writing)
        with os.fdopen(reading) as told:
            lines = told.read()
        _, status, used = os.wait4(pid, 0)
        answer, _, errors = lines.partition("\0")
        ended = {
            "status": os.waitstatus_to_exitcode(status),
            "answer": json.loads(answer or "{}"),
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_bytes": used.ru_maxrss * 1024,
            "errors": errors,
        }
        print(json.dumps(ended), flush=True)  # noqa: T201


def _work(child: Any, command: str, to: TextIO) -> None:
    status, answer, errors = 1, io.StringIO(), ""
    sys.stdin, sys.stdout = io.StringIO(command), answer
    try:
        child.main()
        status = 0
    except BaseException as error:
        errors = f"{type(error).__name__}: {error}"
    to.write(f"{answer.getvalue()}\0{errors}")
    to.close()
    os._exit(status)


if __name__ == "__main__":
    main()
