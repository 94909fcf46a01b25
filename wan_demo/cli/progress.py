"""How far the work is, on standard error: a line that changes, where a person looks at it."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from wan_demo.domain.job import Job, Stage, Status
from wan_demo.errors import WorkerLost
from wan_demo.ui.words import duration

if TYPE_CHECKING:
    from wan_demo.bootstrap import OneOff

POLL_SECONDS = 0.1
PACE_SECONDS = 20.0
"""A download's speed is that of so many seconds: steady, and soon right after a change."""


class Line:
    """The last line of standard error, written over and over; nothing where nobody looks."""

    def __init__(self) -> None:
        self._is_seen = sys.stderr.isatty()
        self._shown = ""

    def show(self, text: str) -> None:
        """Take the place of what the line says now, as far as the terminal is wide."""
        text = text[: shutil.get_terminal_size().columns - 1]
        if self._is_seen and text != self._shown:
            print(f"\r{text:<{len(self._shown)}}", end="", file=sys.stderr, flush=True)
            self._shown = text

    def say(self, sentence: str) -> None:
        """A line that stays, above the one that changes; written to a file or a pipe as well."""
        self.end()
        print(sentence, file=sys.stderr, flush=True)

    def hint(self, sentence: str) -> None:
        """A line that stays, for a person only."""
        if self._is_seen:
            self.say(sentence)

    def end(self) -> None:
        """Leave the line empty, for what comes next."""
        if self._is_seen and self._shown:
            self.show("")
            print("\r", end="", file=sys.stderr, flush=True)


class Pace:
    """Bytes in words: how many are here, how fast they come, and how long the rest will take."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: deque[tuple[float, int]] = deque()

    def said(self, done: int, total: int) -> str:
        """``3.21 of 28.91 GB, 45.2 MB/s, 9 min 29 s left``; no speed before there is one."""
        now = self._now()
        if self._seen and done < self._seen[-1][1]:  # another file, or this one from its start
            self._seen.clear()
        self._seen.append((now, done))
        while now - self._seen[0][0] > PACE_SECONDS:
            self._seen.popleft()
        share = f"{done / 1e9:.2f} of {total / 1e9:.2f} GB"
        began, had = self._seen[0]
        if done == had or now == began:
            return share
        speed = (done - had) / (now - began)
        return f"{share}, {speed / 1e6:.1f} MB/s, {duration((total - done) / speed)} left"


def run_to_end(one_off: OneOff, job: Job) -> Job:
    """Start the worker and wait for the job's end, telling how far it is.

    Interrupted, it ends the work before its next step. Raises WorkerLost.
    """
    line = Line()
    one_off.executor.start()
    try:
        return _follow(one_off, job, line)
    except KeyboardInterrupt:
        line.hint("Stopping; once more stops at once.")
        raise
    finally:
        line.end()
        one_off.executor.stop()


def _follow(one_off: OneOff, job: Job, line: Line) -> Job:
    pace, said = Pace(), {""}
    while not job.status.is_final:
        time.sleep(POLL_SECONDS)
        is_alive = one_off.executor.is_alive()
        job = one_off.service.get(job.id, job.owner)
        if not is_alive and not job.status.is_final:
            raise WorkerLost(job.attempt)
        for sentence in (job.progress.memory, job.progress.notice):
            if sentence not in said:
                line.hint(sentence)
            said.add(sentence)
        line.show(_said(job, pace))
    return job


def _said(job: Job, pace: Pace) -> str:
    progress = job.progress
    if job.status is Status.RUNNING and progress.stage is Stage.STEP:
        return f"step {progress.step} of {progress.steps}"
    if progress.stage is Stage.DOWNLOADING and progress.total_bytes:
        return f"downloading {pace.said(progress.done_bytes, progress.total_bytes)}"
    return progress.stage.value
