"""Jobs that are done while somebody waits, and end with the wait."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Generator

import pytest

from tests.makers import request, until
from wan_demo.attended import Attendant, end_unattended
from wan_demo.clips import ClipEvent, clip_events
from wan_demo.domain.events import Acquiring, Broken, Ready, Written
from wan_demo.domain.job import Job, Output, Stage, Status
from wan_demo.engine.fake import FakeEngine
from wan_demo.errors import GpuRefused
from wan_demo.fetch import Fetched
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.media.encode import read_metadata
from wan_demo.media.folder import DataFolder
from wan_demo.worker import Worker

whose = contextvars.ContextVar("whose", default="nobody's")


class Elsewhere:
    """What another process would do, in this one: the fake engine's clips as events."""

    def __init__(self, folder: DataFolder, step_seconds: float = 0.0) -> None:
        self._folder = folder
        self._engine = FakeEngine(step_seconds)
        self.seen: list[object] = []
        self.asked_by: list[str] = []
        self.is_closed = False

    def __call__(self, job: Job, index: int, media: Fetched) -> Generator[ClipEvent, None, None]:
        self.asked_by.append(whose.get())
        try:
            yield self._saw(Acquiring())
            yield self._saw(Ready())
            for event in clip_events(self._engine, self._folder, job, index, media):
                yield self._saw(event)
        except GeneratorExit:
            self.is_closed = True
            raise

    def _saw(self, event):
        self.seen.append(event)
        return event


def attendant(store: MemoryJobStore, folder: DataFolder, elsewhere) -> Attendant:
    worker = Worker("gpu", store, FakeEngine(), folder, elsewhere=elsewhere)
    return Attendant(store, worker, seconds=0.01)


def found(store: MemoryJobStore, job: Job) -> Job:
    now = store.get(job.id)
    assert now is not None
    return now


def test_a_job_is_done_while_it_is_waited_for(store, folder):
    elsewhere = Elsewhere(folder, 0.05)
    job = store.add(request(num_videos_per_prompt=2), "ada")
    for _ in attendant(store, folder, elsewhere).attend(job.id):
        pass
    ended = found(store, job)
    assert ended.status is Status.COMPLETED
    assert [output.seed for output in ended.outputs] == [1, 2]
    for output in ended.outputs:
        assert read_metadata(folder.video(output.file))["request"]
    assert [type(event) for event in elsewhere.seen].count(Written) == 2


def test_it_is_done_in_the_context_of_who_waits(store, folder):
    whose.set("ada's")
    elsewhere = Elsewhere(folder)
    job = store.add(request(), "ada")
    list(attendant(store, folder, elsewhere).attend(job.id))
    assert elsewhere.asked_by == ["ada's"]


def test_only_the_job_asked_for_is_done(store, folder):
    first, second = store.add(request(), "ada"), store.add(request(), "ada")
    list(attendant(store, folder, Elsewhere(folder)).attend(second.id))
    assert found(store, first).status is Status.WAITING
    assert found(store, second).status is Status.COMPLETED
    assert list(attendant(store, folder, Elsewhere(folder)).attend(second.id)) == []


def test_a_job_that_nobody_waits_for_any_more_fails_at_its_next_step(store, folder):
    elsewhere = Elsewhere(folder, 0.1)
    job = store.add(request(num_inference_steps=100), "ada")
    waiting = attendant(store, folder, elsewhere).attend(job.id)
    until(lambda: next(waiting, 0) is None and found(store, job).progress.step)
    before = time.monotonic()
    waiting.close()
    assert time.monotonic() - before < 0.09  # it is not waited for: Gradio's loop would stand still
    until(lambda: found(store, job).status.is_final)
    failure = found(store, job).failure
    assert failure is not None
    assert failure.code == "client_gone"
    assert "while its page stays open" in failure.message
    assert elsewhere.is_closed
    assert not any(isinstance(event, Written) for event in elsewhere.seen)


def test_a_stop_is_a_stop(store, folder):
    job = store.add(request(num_inference_steps=100), "ada")
    for _ in attendant(store, folder, Elsewhere(folder, 0.02)).attend(job.id):
        store.cancel(job.id)
    assert found(store, job).status is Status.CANCELLED


def test_what_breaks_elsewhere_is_told_as_it_was_there(store, folder):
    job = store.add(request(prompt="fail"), "ada")
    elsewhere = Elsewhere(folder)
    list(attendant(store, folder, elsewhere).attend(job.id))
    failure = found(store, job).failure
    assert failure is not None
    assert (failure.code, failure.message) == (
        "generation_failed",
        "The fake engine was asked to fail.",
    )
    assert isinstance(elsewhere.seen[-1], Broken)


def test_a_gpu_that_is_refused_is_told(store, folder):
    def refuse(*_given) -> Generator[ClipEvent, None, None]:
        yield Acquiring()
        raise GpuRefused("You have exceeded your quota.")

    job = store.add(request(), "ada")
    list(attendant(store, folder, refuse).attend(job.id))
    failure = found(store, job).failure
    assert failure is not None
    assert (failure.code, failure.message) == ("gpu_refused", "You have exceeded your quota.")


def test_waiting_for_a_gpu_is_seen_and_is_no_part_of_a_clips_time(store, folder):
    stages = []

    def slowly(job: Job, index: int, media: Fetched) -> Generator[ClipEvent, None, None]:
        yield Acquiring()
        time.sleep(0.3)
        stages.append(found(store, job).progress.stage)
        yield Ready()
        yield from clip_events(FakeEngine(), folder, job, index, media)

    job = store.add(request(), "ada")
    list(attendant(store, folder, slowly).attend(job.id))
    assert stages == [Stage.ACQUIRING]
    ended = found(store, job)
    assert ended.progress.preparing_seconds >= 0.3
    assert ended.progress.made.seconds < ended.progress.preparing_seconds + 5
    assert ended.clip_seconds == ended.progress.made.seconds


def test_who_waited_at_the_last_server_is_gone(store, folder):
    jobs = [store.add(request(), "ada"), store.add(request(), "bob")]
    kept = [Output(file="a.mp4", seed=1)]
    end_unattended(store, lambda _job: kept, "gpu")
    for job in jobs:
        ended = found(store, job)
        assert ended.failure is not None
        assert ended.failure.code == "client_gone"
        assert list(ended.outputs) == kept


@pytest.fixture
def store() -> MemoryJobStore:
    return MemoryJobStore()
