"""A worker: claim a job, fetch its inputs, generate, encode, finish; then the next one."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from threading import Event as Flag

from wan_demo import logs
from wan_demo.catalog import BUILT_IN, Catalog
from wan_demo.clips import ClipEvent, Elsewhere, failure_of, write_clip
from wan_demo.domain.estimate import decode_steps
from wan_demo.domain.events import (
    Acquiring,
    Broken,
    Decoding,
    Downloading,
    Encoding,
    Finished,
    Frames,
    Loading,
    Planned,
    Ready,
    Step,
    Written,
)
from wan_demo.domain.job import Failure, Job, Output, Progress, Stage
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.pace import Pace, Stopwatch, learned
from wan_demo.domain.request import GenerationRequest
from wan_demo.domain.safety import UNCHECKED, Safety
from wan_demo.engine.base import Engine
from wan_demo.errors import ClientGone, GenerationFailed
from wan_demo.fetch import Fetched, fetch
from wan_demo.jobs.base import Claim, JobStore
from wan_demo.jobs.patience import PASSING, PAUSE_SECONDS, patiently
from wan_demo.jobs.signs import beating
from wan_demo.media.encode import write_preview
from wan_demo.media.folder import DataFolder

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.2
REPORT_SECONDS = 1.0
PREVIEW_MS = 300


HANG_SECONDS = 3600.0
"""Longer than any step on a GPU, and than reading 126 GB from a slow disk."""

HANG_STEPS = 20
"""How many times a job's own step a further one may take."""

STOP_SECONDS = 120.0
"""How long a job that nobody wants any more may hold its worker without a step that ends: longer
than it takes to have the model back in a new one."""


class Stopped(Exception):
    """The job was cancelled, or is no longer this worker's."""


class BrokenElsewhere(Exception):
    """A clip could not be made in the process that was to make it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Worker:
    """Works on one job at a time until it is told to stop."""

    def __init__(
        self,
        name: str,
        store: JobStore,
        engine: Engine,
        folder: DataFolder,
        models: Catalog = BUILT_IN,
        end_hung: Callable[[], None] | None = None,
        hang_seconds: float = HANG_SECONDS,
        give_back: Callable[[str, bool], object] = lambda _name, _is_fault: None,
        elsewhere: Elsewhere | None = None,
        notice: str = "",
        safety: Safety = UNCHECKED,
    ) -> None:
        """``end_hung`` ends this process once there was no progress for ``hang_seconds``.

        ``give_back`` makes wait again what is held by the worker of a name, as a fault or not.
        ``elsewhere`` makes the clips in place of ``engine``, in a process of their own. ``notice``
        is what a person must know of every job here.
        """
        self._notice = notice
        self.name = name
        self._elsewhere = elsewhere
        self._safety = safety
        self._give_back = give_back
        self._end_hung = end_hung
        self._hang_seconds = hang_seconds
        self._models = models
        self._store = store
        self._engine = engine
        self._folder = folder

    def run(self, stopping: Flag) -> None:
        """Work until ``stopping`` is set; a job under way is then left as it is."""
        is_sure = True
        while not stopping.is_set():
            try:
                if not is_sure:
                    self._give_back(self.name, False)
                    is_sure = True
                if not self.run_once(stopping):
                    stopping.wait(IDLE_SECONDS)
            except PASSING:  # what the table did not answer to, it may have done all the same
                log.warning("%s can't reach the table", self.name, exc_info=True)
                is_sure = False
                stopping.wait(PAUSE_SECONDS)

    def run_once(self, stopping: Flag | None = None) -> bool:
        """Take one job to its end; False if none was waiting."""
        claim = self._store.claim(self.name)
        if claim is None:
            return False
        self.do(claim, stopping or Flag())
        return True

    def do(self, claim: Claim, stopping: Flag, gone: Flag | None = None) -> None:
        """Take a claimed job to its end; it fails once ``gone`` is set: nobody waits for it."""
        with logs.about(*claim.fence):
            self._finish(claim, stopping, gone or Flag())

    def _finish(self, claim: Claim, stopping: Flag, gone: Flag) -> None:
        """Do the job, and have its end recorded however long the table is away."""
        try:
            if patiently(self._work(claim, stopping, gone), stopping):
                self._folder.drop_source(claim.job.id)
        finally:
            _delete(self._folder.preview(claim.job.id))

    def _work(self, claim: Claim, stopping: Flag, gone: Flag) -> Callable[[], bool]:
        """Do the job; returns what records its end, which keeps every clip that is whole."""
        try:
            outputs = self._make(claim, stopping, gone)
        except Stopped:
            made = self._folder.clips_of(claim.job)
            return partial(self._store.cancelled, claim, made)
        except Exception as error:
            made = self._folder.clips_of(claim.job)
            failure = _failure(ClientGone() if gone.is_set() else error, claim)
            return partial(self._store.fail, claim, failure, made)
        return partial(self._store.complete, claim, outputs)

    def _make(self, claim: Claim, stopping: Flag, gone: Flag) -> Sequence[Output]:
        """Write all clips of the job, one by one; what a lost attempt wrote is taken over."""
        outputs: list[Output] = []
        request = claim.job.request
        spec = self._models.find(request.model)
        can_show = not self._safety.is_on
        run = _Run(claim, spec, self._store, self._folder, stopping, gone, can_show)
        with beating(self._store, claim, partial(self._check_pulse, run)):
            media = patiently(partial(fetch, claim.job, self._folder), stopping, _may_pass)
            run.note(f"{self._notice} {media.notice}".strip())
            for index in range(request.num_videos_per_prompt):
                name = self._folder.finished(claim.job.id, index)
                if name is None:
                    name = self._clip(claim.job, index, media, run, stopping)
                    run.done(index)
                outputs.append(Output(file=name, seed=request.single(index).seed))
        return outputs

    def _clip(self, job: Job, index: int, media: Fetched, run: _Run, stopping: Flag) -> str:
        """Make and write one clip; returns its file's name."""
        if self._elsewhere is not None:
            end = run.follow(self._elsewhere(job, index, media), index)
        else:
            end = run.follow(self._engine.generate(job.request.single(index), media.inputs), index)
        if isinstance(end, Written):
            return end.file
        write = partial(write_clip, job, index, end, media, self._folder, self._safety)
        return patiently(write, stopping, _may_pass)

    def _check_pulse(self, run: _Run) -> None:
        """From another thread: a step that hangs never comes back to be told."""
        if self._end_hung is None:
            return
        if run.hangs(self._hang_seconds):
            log.critical("no progress for %.0f s: this worker ends itself", self._hang_seconds)
            self._end_hung()
        elif run.lingers(STOP_SECONDS):
            log.warning("told to stop, and no step ends: this worker ends itself")
            self._end_hung()


class _Run:
    """One job's way through the engine's events: reports, previews, and the stop."""

    def __init__(
        self,
        claim: Claim,
        spec: ModelSpec,
        store: JobStore,
        folder: DataFolder,
        stopping: Flag,
        gone: Flag,
        may_preview: bool = True,
    ) -> None:
        self._gone = gone
        self._may_preview = may_preview
        self._claim = claim
        self._store = store
        self._folder = folder
        self._stopping = stopping
        self._reported = Progress()
        self._reported_at = 0.0
        request = claim.job.request
        known, steps = self._known(request), decode_steps(request, spec)
        self._watch = Stopwatch(request.num_videos_per_prompt, steps, known, time.monotonic)
        self._steps = 0
        self._memory = Planned("")
        self._noted = ""
        self._heard_at = time.monotonic()

    def note(self, notice: str) -> None:
        """What a person must know of their job, told with all that is reported from now on."""
        self._noted = notice

    def hangs(self, seconds: float) -> bool:
        """Whether nothing was heard for so long, and for many times a step of this job."""
        patience = max(seconds, HANG_STEPS * (self._watch.step_seconds or 0.0))
        return time.monotonic() - self._heard_at > patience

    def lingers(self, seconds: float) -> bool:
        """Whether nothing was heard for so long of a job that nobody wants any more."""
        return time.monotonic() - self._heard_at > seconds and not self._is_wanted()

    def follow(self, events: Generator[ClipEvent, None, None], clip: int) -> Finished | Written:
        """Consume one clip's events; raises Stopped after closing them undecoded."""
        self._watch.begin()
        with closing(events):
            for event in events:
                self._heard_at = time.monotonic()
                self._check()
                if isinstance(event, Finished | Encoding):
                    self._report(self._progress(Stage.ENCODING, clip, self._steps))
                if isinstance(event, Finished | Written):
                    return event
                self._handle(event, clip)
        raise GenerationFailed("The engine ended without a video.")

    def done(self, clip: int) -> None:
        """The clip is a file: what it took is told, for later estimates."""
        self._watch.end()
        self._tell(self._progress(Stage.ENCODING, clip, self._steps))

    def _known(self, request: GenerationRequest) -> Pace | None:
        """What the table has learned of such jobs, if it answers: it is only for the time left."""
        try:
            return learned(self._store.alike(request))
        except PASSING:
            return None

    def _check(self) -> None:
        if self._stopping.is_set():
            raise SystemExit  # the job stays claimed: whoever supervises gives it back
        if self._gone.is_set():
            raise ClientGone
        if not self._is_wanted():
            raise Stopped

    def _is_wanted(self) -> bool:
        """A table that is away has asked for nothing: the end will show whose the job is."""
        try:
            return self._store.is_wanted(self._claim)
        except PASSING:
            return True

    def _handle(self, event: ClipEvent, clip: int) -> None:
        if isinstance(event, Broken):
            raise BrokenElsewhere(event.failure)
        if isinstance(event, Planned):
            self._memory = event
        elif isinstance(event, Acquiring):
            self._watch.prepares()
            self._report(self._progress(Stage.ACQUIRING, clip))
        elif isinstance(event, Ready):
            self._watch.prepared()
        elif isinstance(event, Downloading):
            self._watch.prepares()
            progress = self._progress(Stage.DOWNLOADING, clip)
            so_far = {"done_bytes": event.done, "total_bytes": event.total}
            self._report(progress.model_copy(update=so_far))
        elif isinstance(event, Loading):
            self._watch.prepares()
            self._report(self._progress(Stage.LOADING, clip))
        elif isinstance(event, Decoding):
            self._report(self._progress(Stage.DECODING, clip, self._steps))
        elif isinstance(event, Step):
            self._step(event, clip)

    def _step(self, event: Step, clip: int) -> None:
        if event.preview is not None:
            self._show(event.preview)
        self._watch.step(event.index, event.total)
        self._steps = event.total
        progress = self._progress(Stage.STEP, clip, event.index)
        self._report(progress.model_copy(update={"step": event.index, "steps": event.total}))

    def _progress(self, stage: Stage, clip: int, step: int | None = None) -> Progress:
        """Progress after ``step`` of this clip; without one, the time left is not known yet."""
        is_decoded = stage is Stage.ENCODING
        return Progress(
            stage=stage,
            clip=clip,
            clips=self._claim.job.request.num_videos_per_prompt,
            seconds_left=None if step is None else self._watch.left(clip, step, is_decoded),
            memory=self._memory.sentence,
            notice=f"{self._noted} {self._memory.notice}".strip(),
            preparing_seconds=self._watch.preparing_seconds,
            made=self._watch.made,
        )

    def _report(self, progress: Progress) -> None:
        """Write progress to the table: at each new stage, else at most once a second."""
        now, before = time.monotonic(), self._reported
        news = (progress.stage, progress.clip, progress.notice)
        is_new = news != (before.stage, before.clip, before.notice)
        if is_new or now - self._reported_at >= REPORT_SECONDS:
            self._reported, self._reported_at = progress, now
            self._tell(progress)

    def _tell(self, progress: Progress) -> None:
        with suppress(*PASSING):  # the next report may reach the table
            self._store.report(self._claim, progress)

    def _show(self, frames: Frames) -> None:
        """A preview is a courtesy: a disk that refuses it must not end the job.

        Where a safety check is to see the clip first there is none.
        """
        if not self._may_preview:
            return
        try:
            write_preview(frames, self._folder.preview(self._claim.job.id), PREVIEW_MS)
        except OSError:
            log.warning("no preview for job %s", self._claim.job.id, exc_info=True)


def _may_pass(error: Exception) -> bool:
    """A disk that is away or stumbles is asked again; a full one is the job's end."""
    return isinstance(error, OSError) and error.errno != errno.ENOSPC


def _delete(path: Path) -> None:
    """On Windows a file that is being sent can't be deleted; the next start sweeps it."""
    with suppress(OSError):
        path.unlink()


def _failure(error: Exception, claim: Claim) -> Failure:
    """An exception as the job's recorded end."""
    if isinstance(error, BrokenElsewhere):
        return error.failure
    return failure_of(error, claim.job.id)
