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
    save_sounding,
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


@pytest.mark.parametrize(
    ("speed", "way", "length"),
    [(0.5, Direction.FORWARD, 73), (1.0, Direction.REVERSED, 37), (1.7, Direction.REVERSED, 21)],
)
@pytest.mark.parametrize(
    ("rate", "channels", "begins", "lasts", "tracks"),
    [
        *((8_000, 1, 0.0, 4.0, 1), (22_050, 6, 0.0, 4.0, 1), (96_000, 2, 0.0, 4.0, 1)),
        *((44_100, 2, 0.7, 3.0, 1), (48_000, 2, 0.0, 2.7, 1), (48_000, 1, 0.0, 6.0, 2)),
    ],
    ids=["8 kHz", "six channels", "96 kHz", "late", "short", "two tracks"],
)
def test_sound_of_any_kind_is_as_long_as_the_clip_and_in_step(
    worker, store, folder, tmp_path, rate, channels, begins, lasts, tracks, speed, way, length
):
    """Picture and sound are on from 2.0 to 2.4 s; the part is from 0.9 to 3.3 s."""
    sound = np.zeros((round(lasts * rate), channels), np.int16)
    ticks = np.arange(len(sound)) / rate
    on = (ticks + begins >= 2.0) & (ticks + begins < 2.4)
    sound[on] = np.round(np.sin(ticks[on] * 2 * np.pi * 1000) * 12_000)[:, None]
    other = np.full((len(sound), channels), 9_000, np.int16)
    frames = np.full((100, 64, 64, 3), 16, np.uint8)
    frames[50:60] = 240
    sounds = [sound, other][:tracks]
    clip = save_sounding(tmp_path / "clip.mp4", frames, 25, sounds, rate, begins)
    asked = {"fps": 16, "num_frames": length, "duration": None, "direction": way}
    job = add(store, folder, clip, trim_start=0.9, trim_end=3.3, speed=speed, **asked)
    worker.run_once()
    clip_made, source = made(store, folder, job)
    heard = heard_in(clip_made)
    assert heard is not None
    assert 0 <= len(heard) - round(length / 16 * SAMPLE_RATE) < AAC_FRAME
    loud = np.flatnonzero(np.abs(heard[:, 0].astype(int)) > 3000) / SAMPLE_RATE
    shown = read_video(source, (64, 64), length, 16).mean((1, 2, 3)) > 128
    seen = np.flatnonzero(shown) / 16
    assert loud[0] == pytest.approx(seen[0], abs=0.1)
    assert loud[-1] == pytest.approx(seen[-1] + 1 / 16, abs=0.1)


@pytest.mark.parametrize("sound", [Sound.NONE, None])
def test_without_sound_where_nobody_wants_it(worker, store, folder, clip, sound):
    job = add(store, folder, clip, sound=sound)
    worker.run_once()
    assert [heard_in(path) for path in made(store, folder, job)] == [None, None]


def test_a_mask_that_is_black_in_the_used_part_ends_the_job(worker, store, folder, tmp_path):
    """It is white in the second second alone."""
    white = np.zeros((24, 64, 64, 3), np.uint8)
    white[8:16] = 255
    mask = folder.keep_input(save_video(tmp_path / "mask.mp4", white))
    clip = save_video(tmp_path / "clip.mp4", grays(24))
    for start, status in ((1.0, Status.COMPLETED), (2.0, Status.FAILED)):
        job = add(store, folder, clip, mask=mask, trim_start=start)
        worker.run_once()
        assert end(store, job).status is status
    failure = end(store, job).failure
    assert failure is not None
    assert failure.message.startswith("mask: must be white somewhere in the part of your video")


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
