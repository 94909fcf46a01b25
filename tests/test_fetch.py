"""What a job's video becomes besides frames: the clip's sound, and a copy to compare with."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.makers import (
    gray_index,
    grays,
    heard_in,
    pitch_at,
    request,
    save_video,
    tones,
    with_strange_sound,
)
from wan_demo import fetch as module
from wan_demo.domain.edit import Direction, Sound
from wan_demo.domain.job import Failure, Job, Status
from wan_demo.engine.fake import FakeEngine
from wan_demo.errors import GenerationFailed
from wan_demo.fetch import NO_SOUND
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.media.decode import probe, read_video
from wan_demo.media.folder import DataFolder
from wan_demo.media.take import SAMPLE_RATE
from wan_demo.worker import Worker

AAC_FRAME = 1024
LOST = Failure(code="worker_lost", message="lost")


@pytest.fixture
def clip(tmp_path) -> Path:
    """Three seconds, which sound of 400, 600 and 800 Hz."""
    return save_video(tmp_path / "clip.mp4", grays(24), sound=tones(400, 600, 800))


def add(store: MemoryJobStore, folder: DataFolder, clip: Path, **changes) -> Job:
    """An edit of the clip, a second long."""
    values = {"task": "video_to_video", "video": folder.keep_input(clip), "sound": Sound.KEEP}
    return store.add(request(**{"num_frames": 9, "duration": 1.0, **values, **changes}), "ada")


def end(store: MemoryJobStore, job: Job) -> Job:
    found = store.get(job.id)
    assert found is not None
    assert found.status.is_final
    return found


def made(store: MemoryJobStore, folder: DataFolder, job: Job) -> list[Path]:
    """The files of a job's clips, and of its source."""
    clips = [folder.video(output.file) for output in end(store, job).outputs]
    return [*clips, folder.source(job.id)]


def test_clips_and_their_source_have_the_parts_sound(worker, store, folder, clip):
    job = add(store, folder, clip, trim_start=1.0, num_videos_per_prompt=2)
    worker.run_once()
    paths = made(store, folder, job)
    assert len(paths) == 3
    for path in paths:
        heard = heard_in(path)
        assert heard is not None
        assert 0 <= len(heard) - SAMPLE_RATE < AAC_FRAME
        assert [pitch_at(heard, moment) for moment in (0.1, 0.5, 0.9)] == [600, 600, 600]


def test_it_goes_with_the_pictures_speed_and_direction(worker, store, folder, clip):
    job = add(store, folder, clip, speed=2.0, direction=Direction.REVERSED)
    worker.run_once()
    shown = read_video(folder.source(job.id), (64, 64), 8, 8)
    assert [gray_index(frame) for frame in shown] == [23, 21, 19, 17, 15, 13, 11, 9]
    for path in made(store, folder, job):
        heard = heard_in(path)
        assert heard is not None
        assert [pitch_at(heard, moment) for moment in (0.25, 0.75)] == [800, 600]


@pytest.mark.parametrize("sound", [Sound.NONE, None])
def test_without_sound_where_nobody_wants_it(worker, store, folder, clip, sound):
    job = add(store, folder, clip, sound=sound)
    worker.run_once()
    assert [heard_in(path) for path in made(store, folder, job)] == [None, None]


def test_a_silent_video_makes_silent_clips(worker, store, folder, tmp_path):
    job = add(store, folder, save_video(tmp_path / "silent.mp4", grays(16)))
    worker.run_once()
    assert [heard_in(path) for path in made(store, folder, job)] == [None, None]
    assert end(store, job).progress.notice == ""


def test_sound_that_can_not_be_read_costs_no_clip(worker, store, folder, tmp_path):
    path = save_video(tmp_path / "clip.mkv", grays(16), sound=tones(400, 500))
    job = add(store, folder, with_strange_sound(path))
    worker.run_once()
    done = end(store, job)
    assert done.status is Status.COMPLETED
    assert done.progress.notice == NO_SOUND
    assert [heard_in(path) for path in made(store, folder, job)] == [None, None]


def test_the_source_is_what_the_model_saw(worker, store, folder, clip):
    job = add(store, folder, clip, width=96, fit="pad", duration=None)
    worker.run_once()
    source = folder.source(job.id)
    assert source.suffix == ".m4v"
    medium = probe(source, "video")
    assert (medium.width, medium.height, medium.frames, medium.fps) == (96, 64, 9, 8)
    assert [gray_index(frame) for frame in read_video(source, (96, 64), 9, 8)] == list(range(9))
    with av.open(str(source), "r") as file:
        assert file.duration == 9 * av.time_base // 8
    assert not list(folder.sources.glob("*.part"))


def test_a_lost_attempts_source_is_taken_over(store, folder, clip):
    job = add(store, folder, clip)
    stamps: list[int] = []

    def lose(*_: object) -> None:
        stamps.append(folder.source(job.id).stat().st_mtime_ns)
        store.requeue("test", 3, LOST, is_fault=True)

    class Losing(FakeEngine):
        def generate(self, request, inputs):
            lose()
            return super().generate(request, inputs)

    Worker("test", store, Losing(), folder).run_once()
    Worker("test", store, FakeEngine(), folder).run_once()
    assert end(store, job).status is Status.COMPLETED
    assert folder.source(job.id).stat().st_mtime_ns == stamps[0]


class Failing(FakeEngine):
    def generate(self, request, inputs):
        assert not isinstance(inputs.video, type(None))
        raise GenerationFailed("No.")
        yield


def test_a_job_without_a_clip_leaves_no_source(store, folder, clip):
    job = add(store, folder, clip)
    Worker("test", store, Failing(), folder).run_once()
    assert end(store, job).status is Status.FAILED
    assert list(folder.sources.iterdir()) == []


def test_nothing_is_kept_of_a_source_that_can_not_be_written(store, folder, clip, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_mp4", refuse)
    job = add(store, folder, clip)
    Worker("test", store, FakeEngine(), folder).run_once()
    failure = end(store, job).failure
    assert failure is not None
    assert failure.code == "storage_full"
    assert list(folder.sources.iterdir()) == []


def test_tasks_without_a_video_have_no_source(worker, store, folder):
    job = store.add(request(), "ada")
    worker.run_once()
    assert not folder.source(job.id).exists()
    assert np.all([heard_in(path) is None for path in made(store, folder, job)[:-1]])
