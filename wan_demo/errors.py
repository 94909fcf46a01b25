"""What can go wrong, as a small tree. Every edge (page, API, CLI) translates it once.

WanDemoError
├── InvalidRequest      a value that cannot be done: names the field, the value, what is allowed
│   └── UnreadableMedium    an uploaded image or video that cannot be used
├── JobNotFound         no such job, or not this person's
├── JobFinished         the job has ended already
├── JobNotFinished      the job has not ended yet
├── QueueFull           too many jobs wait
├── TooManyJobs         too many of one person's jobs wait
│   └── TooManyHere         too many of one address's jobs wait, whoever it says to be
├── TooFast             one address adds jobs faster than it may
├── TooManyFiles        one address has more files fetched than it may
│   └── TooManyOpened       one address has more files opened than it may
├── Refused             the server's own safety check said no
├── StorageAway         the job table or the data folder can't be reached for the moment
├── StorageFull         the disk has no room for another video
│   ├── NoRoomForModel      the disk has no room for a model's download
│   ├── NoRoomForFile       the disk has no room for a picture or video to use
│   ├── BudgetFull          pinned videos and work under way take all that videos may take
│   └── PinsFull            pinned videos take all that pinned ones may take
├── ModelUnavailable    the weights are not there or cannot be loaded
│   └── DownloadFailed      the weights could not be fetched from the hub
├── DownloadStopped     a download was ended by the one who asked for it
├── DoesNotFit          this machine's memory can't hold a model at the size asked for
├── GenerationFailed    the pipeline raised
│   └── OutOfMemory         memory ran out, and again with less
├── GpuRefused          who lends the GPU did not, or took it back
├── ClientGone          nobody waits for the job any more, where that is needed
└── WorkerLost          the worker process died too often on this job
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar


class WanDemoError(Exception):
    """Base of every expected failure; ``str(error)`` is the sentence a person reads.

    ``code`` is the stable word that programs read, ``status`` the HTTP status of the answer.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500


class InvalidRequest(WanDemoError):
    """A value the model can't do.

    ``nearest`` holds the closest allowed values, best first, for buttons on the page.
    """

    code = "invalid_request"
    status = 422

    def __init__(
        self, field: str, value: object, allowed: str, nearest: Sequence[int | float | str] = ()
    ) -> None:
        self.field = field
        self.value = value.value if isinstance(value, Enum) else value
        self.allowed = allowed
        self.nearest = tuple(nearest)
        super().__init__(self._sentence())

    @property
    def got(self) -> str:
        """What came, short enough for a sentence."""
        return "nothing" if self.value is None else _shorten(self.value)

    def _sentence(self) -> str:
        said = f"{_named(self.field)}: {self.allowed}; got {self.got}."
        if self.nearest:
            said += f" Nearest: {' or '.join(str(value) for value in self.nearest)}."
        return said


class UnreadableMedium(InvalidRequest):
    """An image or video that is broken, too large, or not what its name says."""

    code = "unreadable_medium"


class JobNotFound(WanDemoError):
    """There is no such job among yours."""

    code = "job_not_found"
    status = 404

    def __init__(self) -> None:
        super().__init__("There is no such job among yours.")


class JobFinished(WanDemoError):
    """The job has already ended, so there is nothing to stop."""

    code = "job_finished"
    status = 409

    def __init__(self) -> None:
        super().__init__("The job has already ended, so there is nothing to stop.")


class JobNotFinished(WanDemoError):
    """The job is still under way, so there is nothing to delete."""

    code = "job_not_finished"
    status = 409

    def __init__(self) -> None:
        super().__init__("The job is still under way. Stop it first, then it can be deleted.")


class QueueFull(WanDemoError):
    """Too many jobs are waiting."""

    code = "queue_full"
    status = 503

    def __init__(self, waiting: int, limit: int) -> None:
        super().__init__(
            f"{waiting} jobs are waiting and the limit is {limit}. Try again when some are done."
        )


class TooManyJobs(WanDemoError):
    """One owner's share of the queue is used up."""

    code = "too_many_jobs"
    status = 429

    def __init__(self, waiting: int, limit: int) -> None:
        super().__init__(
            f"{waiting} of your jobs are waiting, and each person may have {limit}. "
            "Try again when one is done, or stop one."
        )


class TooManyHere(TooManyJobs):
    """One address's share of the queue is used up, by one person or many."""

    code = "too_many_here"

    def __init__(self, waiting: int, limit: int) -> None:
        WanDemoError.__init__(
            self,
            f"{waiting} jobs from your address are waiting, and each address may have {limit}. "
            "Try again when some are done.",
        )


class TooFast(WanDemoError):
    """One address adds jobs faster than it may."""

    code = "too_fast"
    status = 429

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"Too many jobs from your address. Try again in {max(1, round(seconds))} s."
        )


class TooManyFiles(WanDemoError):
    """More files named by addresses than may be fetched for one who asks, or for all of them."""

    code = "too_many_files"
    status = 429

    def __init__(self) -> None:
        super().__init__(
            "Too many files are being fetched. Try again in a minute, or upload the file."
        )


class TooManyOpened(TooManyFiles):
    """More files wait to be opened for one address than may."""

    code = "too_many_opened"

    def __init__(self) -> None:
        WanDemoError.__init__(
            self, "Too many files from your address are being opened. Try again in a minute."
        )


class Refused(WanDemoError):
    """The safety check of this server's owner said no; ``why`` is its own sentence."""

    code = "refused"
    status = 403

    def __init__(self, why: str) -> None:
        super().__init__(f"This server's safety check refused it: {why.rstrip('.')}.")


class StorageAway(WanDemoError):
    """The job table or the data folder does not answer: locked, or its disk or server away."""

    code = "storage_away"
    status = 503

    def __init__(self) -> None:
        super().__init__("The data folder can't be reached just now. Try again in a minute.")


class StorageFull(WanDemoError):
    """The disk has no room for another video."""

    code = "storage_full"
    status = 507

    def __init__(self) -> None:
        super().__init__("The disk has no room for another video. Free some space and try again.")


class NoRoomForModel(StorageFull):
    """The disk has no room for a model's files; the sentence names both figures."""

    code = "no_room_for_model"

    def __init__(self, sentence: str) -> None:
        WanDemoError.__init__(self, sentence)


class NoRoomForFile(StorageFull):
    """The disk has no room for a picture or video to use."""

    code = "no_room_for_file"

    def __init__(self) -> None:
        WanDemoError.__init__(self, "The disk has no room for another file. Try again later.")


class BudgetFull(StorageFull):
    """What may not be removed fills the disk budget; the sentence names it."""

    code = "budget_full"

    def __init__(self, max_bytes: float) -> None:
        sentence = (
            f"This server keeps {max_bytes / 1e9:g} GB of videos, and pinned ones fill that. "
            "Unpin or delete some and try again."
        )
        WanDemoError.__init__(self, sentence)


class PinsFull(StorageFull):
    """Pinned videos take their whole share of the disk budget; the sentence names it."""

    code = "pins_full"

    def __init__(self, max_bytes: float) -> None:
        sentence = (
            f"Pinned videos may take {max_bytes / 1e9:g} GB of this server, everybody's together, "
            "and do. Download this one, or unpin another."
        )
        WanDemoError.__init__(self, sentence)


class ModelUnavailable(WanDemoError):
    """The model's weights are missing or can't be loaded."""

    code = "model_unavailable"
    status = 503


class DownloadFailed(ModelUnavailable):
    """The model's files could not be fetched; what did arrive is kept for the next try."""

    code = "download_failed"


class DownloadStopped(WanDemoError):
    """A download was told to stop; what did arrive is kept for the next try."""

    code = "download_stopped"
    status = 409

    def __init__(self) -> None:
        super().__init__("The download was stopped. What has arrived is kept.")


class DoesNotFit(WanDemoError):
    """The machine has too little memory; the sentence names what is missing and what would fit."""

    code = "does_not_fit"
    status = 422


class GenerationFailed(WanDemoError):
    """The pipeline stopped with an error; the log holds its cause."""

    code = "generation_failed"


class OutOfMemory(GenerationFailed):
    """Memory ran out in every way that there was; the sentence names them."""

    code = "out_of_memory"


class GpuRefused(WanDemoError):
    """ZeroGPU lent no GPU, or took it back; the sentence is its own."""

    code = "gpu_refused"


class ClientGone(WanDemoError):
    """Whoever asked left before the end, and their place at the GPU went with them."""

    code = "client_gone"

    def __init__(self) -> None:
        super().__init__(
            "The page was closed or reloaded before the video was done. Here a video is made "
            "only while its page stays open."
        )


class WorkerLost(WanDemoError):
    """The worker process died each time it tried this job."""

    code = "worker_lost"

    def __init__(self, attempts: int) -> None:
        super().__init__(f"The worker stopped {attempts} times on this job, so it was given up.")


def _named(field: str) -> str:
    """A field's name as it is; what a stranger calls one, as a value is shown."""
    return field if field.isidentifier() and len(field) <= 40 else _shorten(field)


def _shorten(value: object, limit: int = 80) -> str:
    """``repr`` of a value, short enough for a sentence."""
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes out
        return "a number too long to be shown"
    except RecursionError:
        return "lists too deep to be shown"
    return text if len(text) <= limit else text[: limit - 1] + "…"
