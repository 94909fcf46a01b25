"""What of a source becomes the frames that a model sees: which moments of it, in which shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wan_demo.domain.cut import Cut
from wan_demo.domain.edit import Direction, Fit
from wan_demo.domain.model import Size
from wan_demo.domain.request import GenerationRequest

SAMPLE_RATE = 48_000
"""Of all sound, per second."""

Samples = NDArray[np.int16]
"""Stereo sound, shape (samples, 2)."""

HAIR = 0.001
"""Seconds within which two times are one: Matroska and WebM count in milliseconds."""


@dataclass(frozen=True)
class Take:
    """``num_frames`` frames of ``size`` (width, height) at ``fps``.

    They are of the part from ``start`` to ``end``, in seconds of the source (None: its own end), at
    ``speed``. Forward they begin at ``start``, reversed at ``end``; where the part is over before
    them, its last picture stays.
    """

    size: Size
    num_frames: int
    fps: float
    start: float = 0.0
    end: float | None = None
    speed: float = 1.0
    is_reversed: bool = False
    fit: Fit = Fit.CROP

    @classmethod
    def of(cls, request: GenerationRequest) -> Take:
        """What a request takes of its video."""
        cut = Cut.of(request)
        return cls(
            size=(request.width, request.height),
            num_frames=request.num_frames,
            fps=request.fps,
            start=cut.start,
            end=cut.end,
            speed=cut.speed,
            is_reversed=request.direction is Direction.REVERSED,
            fit=request.fit or Fit.CROP,
        )

    @classmethod
    def told(cls, given: Mapping[str, Any]) -> Take:
        """What ``dataclasses.asdict`` made of one, by way of JSON."""
        return cls(**{**given, "size": tuple(given["size"]), "fit": Fit(given["fit"])})

    def part(self, seconds: float) -> tuple[float, float]:
        """From when to when of a source of so many seconds."""
        end = seconds if self.end is None else min(self.end, seconds)
        return min(self.start, end), end

    def moments(self, seconds: float) -> list[float]:
        """For each frame, when in a source of so many seconds it is shown."""
        start, end = self.part(seconds)
        passed = np.arange(self.num_frames) * (self.speed / self.fps)
        if self.is_reversed:
            found = np.maximum(end - passed - HAIR, start + HAIR)
        else:
            found = np.minimum(start + passed + HAIR, end - HAIR)
        return [float(moment) for moment in found]
