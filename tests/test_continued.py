"""Clips that go on from a video: joined without a repeated frame, with the video's sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.makers import gray_index, grays, heard_in, pitch_at, save_video, tones
from wan_demo.domain.events import Finished
from wan_demo.domain.job import Job, Status
from wan_demo.engine.fake import FakeEngine
from wan_demo.errors import InvalidRequest
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.media.decode import probe, read_video
from wan_demo.media.digest import digest
from wan_demo.media.encode import read_metadata, write_mp4
from wan_demo.media.folder import DataFolder
from wan_demo.media.take import SAMPLE_RATE
from wan_demo.service import Service
from wan_demo.worker import Worker

SIZE = (64, 64)


class Growing(FakeEngine):
    """Goes on from its image by a level a frame, as ``grays`` do from one to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs = []

    def generate(self, request, inputs):
        self.inputs.append(inputs)
        assert inputs.image is not None
        levels = 8 * np.arange(request.num_frames, dtype=np.uint8)
        frames = np.repeat(inputs.image, request.num_frames, 0) + levels[:, None, None, None]
        yield Finished(frames, {"device": "none", "engine": "growing"})


class Tinted(FakeEngine):
    """Moves on what it begins with, in colors that its VAE has changed."""

    def generate(self, request, inputs):
        assert inputs.image is not None
        moved = [np.roll(inputs.image[0], 2 * at, axis=1) for at in range(request.num_frames)]
        frames = (np.stack(moved) * 0.92 + [9, 11, 14]).round().astype(np.uint8)
        yield Finished(frames, {"device": "none", "engine": "tinted"})


@pytest.fixture
def engine() -> Growing:
    return Growing()


@pytest.fixture
def worker(store: MemoryJobStore, folder: DataFolder, engine: Growing) -> Worker:
    return Worker("test", store, engine, folder)


@pytest.fixture
def clip(tmp_path) -> Path:
    """Two seconds of 8 frames each, which sound of 400 and 600 Hz."""
    return save_video(tmp_path / "clip.mp4", grays(16), sound=tones(400, 600))


@pytest.fixture
def go_on(service: Service, worker: Worker, store: MemoryJobStore):
    """Go on from a video and wait for the end."""

    def go_on(video: Path, **changes) -> Job:
        given = {"task": "image_to_video", "video": str(video), "width": 64, "height": 64}
        job = service.submit({**given, "num_frames": 9, "fps": 8, "seed": 1, **changes}, "ada")
        worker.run_once()
        done = store.get(job.id)
        assert done is not None
        assert done.status is Status.COMPLETED, done.failure
        return done

    return go_on


def shown(path: Path) -> list[int]:
    """Which of ``grays`` a file shows, frame by frame."""
    count = probe(path, "video").frames
    return [gray_index(frame) for frame in read_video(path, SIZE, count, 8)]


def made(folder: DataFolder, job: Job) -> Path:
    return folder.video(job.outputs[0].file)


def test_no_frame_comes_twice_and_none_is_missing(go_on, folder, clip, engine):
    job = go_on(clip)
    assert shown(made(folder, job)) == list(range(24))
    (inputs,) = engine.inputs
    assert inputs.image.shape == (1, 64, 64, 3)
    assert gray_index(inputs.image[0]) == 15
    assert inputs.video is None
    assert job.request.played_frames == 24


@pytest.mark.parametrize("ground", [0, 60, 255])
def test_the_seam_can_not_be_seen(store, service, folder, tmp_path, ground):
    frames = np.full((16, 64, 64, 3), ground, np.uint8)
    for index, frame in enumerate(frames):
        frame[20:36, 4 + 2 * index : 20 + 2 * index] = (200, 60, 40)
    video = save_video(tmp_path / "clip.mp4", frames)
    given = {"task": "image_to_video", "video": str(video), "width": 64, "height": 64, "fps": 8}
    job = service.submit({**given, "num_frames": 9, "seed": 1}, "ada")
    assert Worker("test", store, Tinted(), folder).run_once()
    path = made(folder, store.get(job.id))
    joined = read_video(path, SIZE, 24, 8).astype(int)
    steps = np.abs(np.diff(joined, axis=0)).mean(axis=(1, 2, 3))
    assert steps[15:].max() < 1.5 * np.median(steps[:15]), "it jumps where the new part begins"
    assert np.abs(joined[16:, 40:] - ground).max() < 5, "the ground has another color"


def test_it_can_be_gone_on_with_as_often_as_wanted(go_on, folder, tmp_path):
    path = save_video(tmp_path / "short.mp4", grays(4))
    for count in (12, 20, 28):
        path = made(folder, go_on(path))
        assert shown(path) == list(range(count))


def test_levels_do_not_drift_from_one_file_to_the_next(tmp_path):
    """Four generations, as of a clip that is gone on with: quick conversions lose a level each."""
    frames = first = grays(26)
    for number in range(4):
        write_mp4(frames, 8, tmp_path / f"{number}.mp4", {})
        frames = read_video(tmp_path / f"{number}.mp4", SIZE, 26, 8)
    difference = frames.astype(int) - first
    assert np.abs(difference).max() <= 1
    assert abs(difference.mean()) < 0.1


def test_the_videos_sound_is_kept_and_then_it_is_silent(go_on, folder, clip):
    path = made(folder, go_on(clip))
    heard = heard_in(path)
    assert heard is not None
    assert 0 <= len(heard) - 3 * SAMPLE_RATE < 1024
    pitches = [pitch_at(heard, moment) for moment in (0.5, 1.5, 2.2, 2.8)]
    assert pitches == [400, 600, 0, 0]
    assert heard_in(made(folder, go_on(clip, sound="none"))) is None


def test_the_cut_speed_and_direction_of_the_video_count(go_on, folder, clip):
    part = go_on(clip, trim_start=0.5, trim_end=1.5)
    assert shown(made(folder, part)) == list(range(4, 20))
    fast = go_on(clip, speed=2.0)
    assert shown(made(folder, fast)) == [*range(0, 16, 2), *range(15, 23)]
    back = go_on(clip, direction="reversed", trim_end=1.0)
    assert shown(made(folder, back)) == [*range(7, -1, -1), *range(1, 9)]


def test_seconds_are_those_of_the_new_part(go_on, folder, clip):
    job = go_on(clip, duration=0.7, num_frames=None)
    path = made(folder, job)
    assert shown(path) == list(range(21))
    assert probe(path, "video").seconds == pytest.approx(15 / 8 + 0.7, abs=0.1)
    heard = heard_in(path)
    assert heard is not None
    assert abs(len(heard) / SAMPLE_RATE - (15 / 8 + 0.7)) < 1024 / SAMPLE_RATE


def test_each_of_several_clips_begins_with_the_video(go_on, folder, clip):
    job = go_on(clip, num_videos_per_prompt=2)
    assert [shown(folder.video(output.file)) for output in job.outputs] == [list(range(24))] * 2


def test_the_clip_tells_and_shows_all_of_it(go_on, folder, clip, service, tmp_path):
    job = go_on(clip)
    path = made(folder, job)
    told = read_metadata(path)
    before = read_video(clip, SIZE, 16, 8)
    levels = 8 * np.arange(1, 9, dtype=np.uint8)
    whole = np.concatenate([before, before[-1:] + levels[:, None, None, None]])
    assert told["frames_sha256"] == digest(whole)
    assert told["request"]["video"] == job.request.video
    with Image.open(folder.poster(job.outputs[0].file)) as poster:
        assert gray_index(np.asarray(poster.convert("RGB"))) == 4  # half a second in
    service.save_frame(job, 2.5, tmp_path / "frame.png")
    assert gray_index(np.asarray(Image.open(tmp_path / "frame.png"))) == 20
    assert not folder.source(job.id).exists()


def test_a_file_without_frames_to_go_on_from_is_refused(service, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(InvalidRequest) as refused:
        service.plan({"task": "image_to_video", "video": str(tmp_path / "text.mp4")})
    assert refused.value.field == "video"
