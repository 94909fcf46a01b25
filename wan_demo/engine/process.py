"""A worker process that is started, watched and replaced."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import token_hex
from threading import Event as Flag
from threading import Lock, Thread

log = logging.getLogger(__name__)

GROUP = "server"
"""What the names of all workers start with that an executor of this kind started."""

MAX_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A worker that lived this long is restarted without a pause."""

_CODE = Path(__file__).resolve().parents[2]


class ProcessExecutor:
    """An Executor over one child process.

    ``command`` plus the worker's name is run; the child must end when its standard input closes,
    so that it never outlives this process. ``on_lost`` is told the name of each worker that ended,
    and whether that was a fault: nobody had asked for it.
    """

    def __init__(self, command: Sequence[str], on_lost: Callable[[str, bool], None]) -> None:
        self._command = list(command)
        self._on_lost = on_lost
        self._stopping = Flag()
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._name = ""
        self._lost: list[tuple[str, bool]] = []
        self._thread: Thread | None = None

    def start(self) -> None:
        self._thread = Thread(target=self._supervise, name="supervisor", daemon=True)
        self._thread.start()

    def stop(self, grace_seconds: float = 10.0) -> None:
        self._stopping.set()
        with self._lock:
            process = self._process
        if process is not None:
            _end(process, grace_seconds)
        if self._thread is not None:
            self._thread.join(grace_seconds)

    def is_alive(self) -> bool:
        with self._lock:
            return self._process is not None and self._process.poll() is None

    def kill(self, name: str) -> None:
        """End the worker of this name at once, if it still runs: it gives no sign of life."""
        with self._lock:
            if self._process is not None and self._name == name:
                self._process.kill()

    @property
    def pid(self) -> int | None:
        """The worker's process id, None between two workers."""
        with self._lock:
            return self._process.pid if self._process is not None else None

    def _supervise(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                self._tell_lost()
                steady = self._run_one()
                self._tell_lost()
            except Exception:  # a busy database, a full process table: the next round may do it
                log.exception("the worker could not be replaced")
                steady = False
            pause = 0.0 if steady else min(MAX_PAUSE_SECONDS, pause * 2 or 0.5)

    def _tell_lost(self) -> None:
        """Tell each lost worker's name until that has worked: its job waits for it."""
        while self._lost:
            self._on_lost(*self._lost[0])
            del self._lost[0]

    def _run_one(self) -> bool:
        """One worker from start to end; True if it lived long enough to be trusted again."""
        name = f"{GROUP}:{token_hex(4)}"
        process = self._spawn(name)
        if process is None:
            return True
        with process:  # closes its standard input in the end
            steady = not _ends_within(process, STEADY_SECONDS)
            code = process.wait()
        is_fault = not self._stopping.is_set()
        if is_fault:
            log.warning("%s ended with %s and is replaced", name, code)
        self._lost.append((name, is_fault))
        return steady

    def _spawn(self, name: str) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            self._name = name
            self._process = subprocess.Popen(
                [*self._command, name], stdin=subprocess.PIPE, cwd=_CODE
            )
            return self._process


def _end(process: subprocess.Popen[bytes], grace_seconds: float) -> None:
    """Ask a process to end, and make it.

    Its standard input closes first: on Windows ``terminate`` is no question but the end.
    """
    if process.stdin is not None:
        process.stdin.close()
    if _ends_within(process, grace_seconds / 2):
        return
    process.terminate()
    if not _ends_within(process, grace_seconds / 2):
        process.kill()
        process.wait()


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
