"""How long a job's clips take, by a clock that never jumps; and how long they will."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from wan_demo.domain.job import Job, Made


@dataclass(frozen=True)
class Pace:
    """Of earlier jobs of the same work: seconds of a step, and from the last one to the file."""

    step_seconds: float
    tail_seconds: float


def learned(finished: Sequence[Job]) -> Pace | None:
    """The median pace of finished jobs; None where none of them was timed."""
    timed = [job.progress.made for job in finished if job.progress.made.clips]
    if not timed:
        return None
    return Pace(
        median(made.step_seconds for made in timed), median(made.tail_seconds for made in timed)
    )


class Stopwatch:
    """Times one attempt at a job. What fetches and loads the model counts apart."""

    def __init__(
        self,
        clips: int,
        decode_steps: float,
        known: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``decode_steps``: how many steps the end of a clip is worth, where nothing is known."""
        self._clips = clips
        self._decode_steps = decode_steps
        self._known = known
        self._clock = clock
        self._began_at = self._first_step_at = self._last_step_at = 0.0
        self._steps = 0
        self._before = 0.0
        self._preparing_since: float | None = None
        self.preparing_seconds = 0.0
        self.step_seconds: float | None = None
        """Of this attempt; None before its second step."""
        self.made = Made()

    def begin(self) -> None:
        """A clip begins."""
        self._began_at, self._before = self._clock(), self.preparing_seconds

    def prepares(self) -> None:
        """The model is being fetched or loaded."""
        if self._preparing_since is None:
            self._preparing_since = self._clock()

    def prepared(self) -> None:
        """The model is in memory."""
        if self._preparing_since is not None:
            self.preparing_seconds += self._clock() - self._preparing_since
        self._preparing_since = None

    def step(self, index: int, steps: int) -> None:
        """A step is done; ``index`` counts from 1 to ``steps``."""
        self._last_step_at, self._steps = self._clock(), steps
        if index == 1:
            self._first_step_at = self._last_step_at
        else:
            self.step_seconds = (self._last_step_at - self._first_step_at) / (index - 1)

    def end(self) -> None:
        """The clip is a file."""
        now, made = self._clock(), self.made
        spent = now - self._began_at - (self.preparing_seconds - self._before)
        tail = now - self._last_step_at if self._steps else 0.0
        clips = made.clips + 1
        self.made = Made(
            clips=clips,
            seconds=made.seconds + max(0.0, spent),
            step_seconds=self.step_seconds or 0.0,
            tail_seconds=made.tail_seconds + (tail - made.tail_seconds) / clips,
        )

    def left(self, clip: int, index: int, is_decoded: bool = False) -> float | None:
        """Seconds left after step ``index`` of a clip, later clips among them; None: not known."""
        step = self.step_seconds or (self._known.step_seconds if self._known else None)
        if step is None:
            return None
        tail = self._known.tail_seconds if self._known else self._decode_steps * step
        later = (self._clips - 1 - clip) * (self._steps * step + tail)
        return (self._steps - index) * step + self._rest(tail, index, is_decoded) + later

    def _rest(self, tail: float, index: int, is_decoded: bool) -> float:
        """What is left of a clip's end. Only a tail that was timed holds more than the decode."""
        if index < self._steps:
            return tail
        if self._known is None:
            return 0.0 if is_decoded else tail
        return max(0.0, tail - (self._clock() - self._last_step_at))
