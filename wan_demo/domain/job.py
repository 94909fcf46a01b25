"""A job: one accepted request on its way to its videos."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from wan_demo.domain.request import GenerationRequest


class Status(StrEnum):
    """Where a job is. The last three are ends: they never change again."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self not in (Status.WAITING, Status.RUNNING)


class Stage(StrEnum):
    """What a running job is doing."""

    STARTING = "starting"
    ACQUIRING = "acquiring"
    DOWNLOADING = "downloading"
    LOADING = "loading"
    STEP = "step"
    DECODING = "decoding"
    ENCODING = "encoding"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Made(_Record):
    """What a worker timed of the clips that it made itself, by a clock that never jumps.

    ``clips`` of them took ``seconds``, the model's fetching and loading apart; ``step_seconds`` is
    one step, ``tail_seconds`` a clip's time from its last step to its file. Clips that were taken
    over from a lost attempt are not among them.
    """

    clips: int = 0
    seconds: float = 0
    step_seconds: float = 0
    tail_seconds: float = 0


class Progress(_Record):
    """How far a running job is. ``clip`` counts from 0 to ``clips`` - 1, ``step`` from 1.

    ``done_bytes`` of ``total_bytes`` are here while a model is being downloaded. ``memory`` says
    how the model is kept in memory and why, ``notice`` what a person must know of that.
    ``preparing_seconds`` went by until the model was in memory.
    """

    stage: Stage = Stage.STARTING
    step: int = 0
    steps: int = 0
    clip: int = 0
    clips: int = 1
    seconds_left: float | None = None
    done_bytes: int = 0
    total_bytes: int = 0
    memory: str = ""
    notice: str = ""
    preparing_seconds: float = 0
    made: Made = Made()


class Output(_Record):
    """A finished video: a file name in the data folder's ``videos/``, and its seed."""

    file: str
    seed: int


class Failure(_Record):
    """Why a job failed: a stable code for programs and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True)
class Job:
    """A snapshot of one row of the job table; times are UTC.

    A ``pinned`` job's videos stay whatever the disk budget says; one that its owner deleted at
    ``deleted_at`` is gone for everybody, and can be brought back for a while.
    """

    id: str
    owner: str
    request: GenerationRequest
    status: Status
    created_at: datetime
    attempt: int = 0
    progress: Progress = field(default_factory=Progress)
    outputs: tuple[Output, ...] = ()
    failure: Failure | None = None
    cancel_requested: bool = False
    pinned: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def run_seconds(self) -> float | None:
        """Seconds that a finished job's clips took, without fetching and loading the model.

        None before the end.
        """
        if self.started_at is None or self.finished_at is None:
            return None
        spent = (self.finished_at - self.started_at).total_seconds()
        return max(0.0, spent - self.progress.preparing_seconds)

    @property
    def clip_seconds(self) -> float | None:
        """Seconds that one of its clips took, on average; None where none was timed."""
        made = self.progress.made
        return made.seconds / made.clips if made.clips else None
