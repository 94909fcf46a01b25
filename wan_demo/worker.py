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
from typing import Any

from wan_demo import __version__, logs
from wan_demo.catalog import BUILT_IN, Catalog
from wan_demo.domain.estimate import decode_steps
from wan_demo.domain.events import (
    Decoding,
    Downloading,
    Event,
    Finished,
    Frames,
    Loading,
    Planned,
    Ready,
    Step,
)
from wan_demo.domain.job import Failure, Output, Progress, Stage
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.pace import Pace, Stopwatch, learned
from wan_demo.domain.request import GenerationRequest
from wan_demo.domain.safety import UNCHECKED, Safety
from wan_demo.engine.base import Engine
from wan_demo.errors import GenerationFailed, StorageFull, WanDemoError
from wan_demo.fetch import Fetched, fetch
from wan_demo.jobs.base import Claim, JobStore
from wan_demo.jobs.patience import PASSING, PAUSE_SECONDS, patiently
from wan_demo.jobs.signs import beating
from wan_demo.media.digest import digest
from wan_demo.media.encode import write_mp4, write_poster, write_preview
from wan_demo.media.folder import DataFolder

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.2
REPORT_SECONDS = 1.0
PREVIEW_MS = 300


HANG_SECONDS = 3600.0
"""Longer than any step on a GPU, and than reading 126 GB from a slow disk."""

HANG_STEPS = 20
"""How many times a job's own step a further one may take."""


class Stopped(Exception):
    """The job was cancelled, or is no longer this worker's."""


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
        safety: Safety = UNCHECKED,
    ) -> None:
        """``end_hung`` ends this process once there was no progress for ``hang_seconds``.

        ``give_back`` makes wait again what is held by the worker of a name, as a fault or not.
        """
        self.name = name
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
        with logs.about(*claim.fence):
            self._finish(claim, stopping or Flag())
        return True

    def _finish(self, claim: Claim, stopping: Flag) -> None:
        """Do the job, and have its end recorded however long the table is away."""
        try:
            if patiently(self._work(claim, stopping), stopping):
                self._folder.drop_source(claim.job.id)
        finally:
            _delete(self._folder.preview(claim.job.id))

    def _work(self, claim: Claim, stopping: Flag) -> Callable[[], bool]:
        """Do the job; returns what records its end, which keeps every clip that is whole."""
        try:
            outputs = self._make(claim, stopping)
        except Stopped:
            made = self._folder.clips_of(claim.job)
            return partial(self._store.cancelled, claim, made)
        except Exception as error:
            made = self._folder.clips_of(claim.job)
            return partial(self._store.fail, claim, _failure(error, claim), made)
        return partial(self._store.complete, claim, outputs)

    def _make(self, claim: Claim, stopping: Flag) -> Sequence[Output]:
        """Write all clips of the job, one by one; what a lost attempt wrote is taken over."""
        outputs: list[Output] = []
        request = claim.job.request
        spec = self._models.find(request.model)
        run = _Run(claim, spec, self._store, self._folder, stopping, not self._safety.is_on)
        with beating(self._store, claim, partial(self._check_pulse, run)):
            media = patiently(partial(fetch, claim.job, self._folder), stopping, _may_pass)
            run.note(media.notice)
            for index in range(request.num_videos_per_prompt):
                single = request.single(index)
                name = self._folder.finished(claim.job.id, index)
                if name is None:
                    finished = run.follow(self._engine.generate(single, media.inputs), index)
                    encode = partial(self._encode, claim, index, finished, media)
                    name = patiently(encode, stopping, _may_pass)
                    run.done(index)
                outputs.append(Output(file=name, seed=single.seed))
        return outputs

    def _check_pulse(self, run: _Run) -> None:
        """From another thread: a step that hangs never comes back to be told."""
        if self._end_hung is not None and run.hangs(self._hang_seconds):
            log.critical("no progress for %.0f s: this worker ends itself", self._hang_seconds)
            self._end_hung()

    def _encode(self, claim: Claim, index: int, finished: Finished, media: Fetched) -> str:
        request = claim.job.request.single(index)
        name = self._folder.video_of(claim.job.id, claim.job.attempt, index)
        frames = media.joined(finished.frames)[: request.played_frames]
        self._safety.pass_on(request, frames)
        seconds = None if request.duration is None else request.played_seconds
        metadata = {**describe(request, finished), "frames_sha256": digest(frames)}
        path = self._folder.video(name)
        write_mp4(frames, request.fps, path, metadata, seconds, media.sound)
        self._add_poster(frames, request.fps, name)
        return name

    def _add_poster(self, frames: Frames, fps: int, name: str) -> None:
        """A poster is a courtesy: without one the library shows the clip itself."""
        try:
            write_poster(frames, fps, self._folder.poster(name))
        except Exception:
            log.warning("no poster for %s", name, exc_info=True)


class _Run:
    """One job's way through the engine's events: reports, previews, and the stop."""

    def __init__(
        self,
        claim: Claim,
        spec: ModelSpec,
        store: JobStore,
        folder: DataFolder,
        stopping: Flag,
        may_preview: bool = True,
    ) -> None:
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

    def follow(self, events: Generator[Event, None, None], clip: int) -> Finished:
        """Consume one clip's events; raises Stopped after closing them undecoded."""
        self._watch.begin()
        with closing(events):
            for event in events:
                self._heard_at = time.monotonic()
                self._check()
                if isinstance(event, Finished):
                    self._report(self._progress(Stage.ENCODING, clip, self._steps))
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
        if not self._is_wanted():
            raise Stopped

    def _is_wanted(self) -> bool:
        """A table that is away has asked for nothing: the end will show whose the job is."""
        try:
            return self._store.is_wanted(self._claim)
        except PASSING:
            return True

    def _handle(self, event: Event, clip: int) -> None:
        if isinstance(event, Planned):
            self._memory = event
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


def describe(request: GenerationRequest, finished: Finished) -> dict[str, Any]:
    """An MP4's metadata: the whole request, and what made it."""
    return {
        "software": f"wan_demo {__version__}",
        "request": request.model_dump(mode="json"),
        **finished.provenance,
    }


def _failure(error: Exception, claim: Claim) -> Failure:
    """An exception as the job's recorded end; the unexpected goes to the log, not to people."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        error = StorageFull()
    if isinstance(error, WanDemoError):
        return Failure(code=error.code, message=str(error))
    log.error("job %s failed", claim.job.id, exc_info=error)
    return Failure(
        code=GenerationFailed.code,
        message="Something went wrong while making this video; the server's log has the cause.",
    )
