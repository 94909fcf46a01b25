"""The part of a video that is used, and how fast: from where to where in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wan_demo.domain.control import control
from wan_demo.domain.medium import Medium
from wan_demo.domain.request import GenerationRequest
from wan_demo.errors import InvalidRequest

SLACK = 0.05
"""Seconds by which an end may lie behind the video's own: players round theirs."""


@dataclass(frozen=True)
class Cut:
    """From ``start`` to ``end`` of a video, in seconds of its own; ``end`` None: its own end.

    ``speed`` 2 leaves half of the time.
    """

    start: float = 0.0
    end: float | None = None
    speed: float = 1.0

    @classmethod
    def of(cls, request: GenerationRequest) -> Cut:
        """What a request uses of its video."""
        return cls(request.trim_start or 0.0, request.trim_end, request.speed or 1.0)

    @classmethod
    def chosen(cls, given: Mapping[str, Any]) -> Cut:
        """The same of values that nobody has checked yet: what is no such number counts as open."""
        start, end, speed = (_number(n, given.get(n)) for n in ("trim_start", "trim_end", "speed"))
        return cls(start or 0.0, end, speed or 1.0)

    def seconds(self, medium: Medium) -> float:
        """How long the used part of a video lasts at the speed; 0 where nothing is left."""
        end = medium.seconds if self.end is None else min(self.end, medium.seconds)
        return max(0.0, end - self.start) / self.speed

    def check(self, medium: Medium) -> None:
        """Refuse a cut that the video has not; raises InvalidRequest."""
        lasts = f"the video, which lasts {medium.seconds:.2f} s"
        if self.start >= medium.seconds:
            raise InvalidRequest("trim_start", self.start, f"must lie within {lasts}", (0,))
        if self.end is None:
            return
        if self.end <= self.start:
            raise InvalidRequest("trim_end", self.end, f"must lie after trim_start, {self.start:g}")
        if self.end > medium.seconds + SLACK:
            nearest = (int(medium.seconds * 1000) / 1000,)
            raise InvalidRequest("trim_end", self.end, f"must lie within {lasts}", nearest)


def _number(name: str, value: Any) -> float | None:
    """A field's value where its declaration has it: none that time could not be divided by."""
    known = control(name)
    low, high = known.minimum or 0.0, known.maximum or 0.0
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and low <= value <= high else None
