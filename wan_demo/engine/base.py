"""The two interfaces of this floor: an Engine makes frames, an Executor keeps workers running."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

from wan_demo.domain.events import Event, Frames, Mask
from wan_demo.domain.request import GenerationRequest


@dataclass(frozen=True)
class Inputs:
    """The request's media as frames of the request's own size.

    Shapes: pictures (1, height, width, 3), ``video`` (num_frames, height, width, 3), ``mask``
    (num_frames, height, width): 255 where the video is edited, 0 where it stays. ``references``
    are pictures too, each seen whole on white.
    """

    image: Frames | None = None
    last_image: Frames | None = None
    video: Frames | None = None
    mask: Mask | None = None
    references: tuple[Frames, ...] = ()


class Engine(Protocol):
    """Makes one clip at a time. Passes ``tests/contract/test_engine.py``."""

    def place(self, model: str) -> None:
        """Have a model in memory before anybody asks for it, by the calling thread.

        Raises ModelUnavailable, DoesNotFit.
        """
        ...

    def generate(self, request: GenerationRequest, inputs: Inputs) -> Generator[Event, None, None]:
        """Events up to Finished; closing the iterator stops at the next step, undecoded.

        The same request and inputs give the same frames, whatever ran before. Raises
        ModelUnavailable, GenerationFailed.
        """
        ...


class Executor(Protocol):
    """Runs workers until it is stopped. Passes ``tests/contract/test_executor.py``."""

    def start(self) -> None:
        """Begin to work on the queue; returns at once."""
        ...

    def stop(self, grace_seconds: float = 10.0) -> None:
        """End the workers, hard once the grace time is over."""
        ...

    def is_alive(self) -> bool:
        """Whether a worker is there to take the next job."""
        ...
