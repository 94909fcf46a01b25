from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.makers import BLUE, RED, gray_index, grays, quarters, request, save_video, until
from wan_demo import clips
from wan_demo import worker as module
from wan_demo.catalog import BUILT_IN
from wan_demo.domain.events import Decoding, Event, Finished, Pass, Planned, Ready, Step
from wan_demo.domain.job import Failure, Job, Progress, Stage, Status
from wan_demo.domain.safety import Safety
from wan_demo.engine.base import Inputs
from wan_demo.engine.fake import FakeEngine
from wan_demo.engine.inline import InlineExecutor
from wan_demo.errors import StorageAway
from wan_demo.jobs import patience
from wan_demo.jobs.base import Claim
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.jobs.signs import beating
from wan_demo.media.decode import read_video
from wan_demo.media.encode import read_metadata, write_mp4
from wan_demo.media.folder import DataFolder
from wan_demo.worker import Worker

LOST = Failure(code="worker_lost", message="lost")


class HookedEngine(FakeEngine):
    """A fake engine that does something at each event, and knows whether it was closed."""

    def __init__(self, hook: Callable[[Event], object]) -> None:
        super().__init__()
        self.hook = hook
        self.seen: list[Event] = []
        self.inputs: list[Inputs] = []

    def generate(self, request, inputs) -> Generator[Event, None, None]:
        self.inputs.append(inputs)
        for event in super().generate(request, inputs):
            self.seen.append(event)
            self.hook(event)
            yield event


def hooked(store: MemoryJobStore, folder: DataFolder, hook: Callable[[Event], object]) -> Worker:
    return Worker("test", store, HookedEngine(hook), folder)


def add(store: MemoryJobStore, **changes) -> Job:
    return store.add(request(**changes), "ada")


def end(store: MemoryJobStore, job: Job) -> Job:
    found = store.get(job.id)
    assert found is not None
    assert found.status.is_final
    return found


def files(folder: DataFolder) -> list[str]:
    """What lies in the folder, but for the posters of videos that are there."""
    found = [path for place in (folder.videos, folder.previews) for path in place.iterdir()]
    posters = {folder.poster(path.name) for path in found if path.suffix == ".mp4"}
    return [path.name for path in found if path not in posters]


def test_without_a_job_there_is_nothing_to_do(worker: Worker):
    assert worker.run_once() is False


def test_a_clip_has_a_small_poster_beside_it(worker, store, folder):
    job = add(store, width=960, height=480)
    worker.run_once()
    (output,) = end(store, job).outputs
    with Image.open(folder.poster(output.file)) as poster:
        assert (poster.format, poster.size) == ("WEBP", (480, 240))


def test_a_poster_that_can_not_be_written_ends_no_job(worker, store, folder, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(clips, "write_poster", refuse)
    job = add(store)
    worker.run_once()
    assert end(store, job).status is Status.COMPLETED
    assert [path.suffix for path in folder.videos.iterdir()] == [".mp4"]


def test_a_job_becomes_an_mp4_with_its_request_in_it(worker, store, folder):
    job = add(store, prompt="a red circle 圆形", seed=7)
    assert worker.run_once()
    done = end(store, job)
    assert done.status is Status.COMPLETED
    (output,) = done.outputs
    assert output.seed == 7
    assert files(folder) == [output.file]
    metadata = read_metadata(folder.video(output.file))
    assert metadata["request"] == job.request.model_dump(mode="json")
    assert metadata["engine"] == "fake"
    assert metadata["software"].startswith("wan_demo ")
    frames = read_video(folder.video(output.file), (64, 64), 9, 8)
    assert frames.shape == (9, 64, 64, 3)


def test_several_videos_count_their_seeds_up(worker, store, folder):
    job = add(store, num_videos_per_prompt=3, seed=5)
    worker.run_once()
    outputs = end(store, job).outputs
    assert [output.seed for output in outputs] == [5, 6, 7]
    assert len(files(folder)) == 3
    seeds = [read_metadata(folder.video(each.file))["request"]["seed"] for each in outputs]
    assert seeds == [5, 6, 7]


def test_the_same_seed_gives_the_same_file_whatever_ran_before(worker, store, folder):
    jobs = [add(store, seed=3), add(store, seed=4, prompt="a blue star"), add(store, seed=3)]
    while worker.run_once():
        pass
    first, other, again = (
        folder.video(end(store, job).outputs[0].file).read_bytes() for job in jobs
    )
    assert first == again
    assert first != other


def test_an_image_is_fetched_at_the_requests_size(store, folder, tmp_path):
    Image.fromarray(quarters((200, 100))).save(tmp_path / "image.png")
    name = folder.keep_input(tmp_path / "image.png")
    engine = HookedEngine(lambda _event: None)
    add(store, task="image_to_video", image=name)
    Worker("test", store, engine, folder).run_once()
    (inputs,) = engine.inputs
    assert inputs.image is not None
    assert inputs.image.shape == (1, 64, 64, 3)
    assert np.abs(inputs.image[0, 10, 10].astype(int) - RED).max() < 5
    assert np.abs(inputs.image[0, 50, 10].astype(int) - BLUE).max() < 5


def test_a_video_is_fetched_at_the_requests_rate(store, folder, tmp_path):
    name = folder.keep_input(save_video(tmp_path / "clip.mp4", grays(24), fps=16))
    engine = HookedEngine(lambda _event: None)
    add(store, task="video_to_video", video=name, strength=0.8)
    Worker("test", store, engine, folder).run_once()
    (inputs,) = engine.inputs
    assert inputs.video is not None
    assert inputs.video.shape == (9, 64, 64, 3)


def test_an_edits_media_are_fetched_as_it_says(store, folder, tmp_path):
    """Padded: the mask covers all of the video, so all but the padding."""
    video = save_video(tmp_path / "clip.mp4", grays(24, (64, 32)), fps=8)
    Image.new("L", (64, 32), 255).save(tmp_path / "mask.png")
    engine = HookedEngine(lambda _event: None)
    add(
        store,
        task="video_to_video",
        video=folder.keep_input(video),
        mask=folder.keep_input(tmp_path / "mask.png"),
        **{"trim_start": 0.5, "trim_end": 2.75, "speed": 2.0, "direction": "reversed"},
        fit="pad",
    )
    Worker("test", store, engine, folder).run_once()
    (inputs,) = engine.inputs
    assert inputs.video is not None
    assert inputs.mask is not None
    assert [gray_index(frame) for frame in inputs.video] == [21, 19, 17, 15, 13, 11, 9, 7, 5]
    assert inputs.mask.shape == (9, 64, 64)
    assert np.all(inputs.mask[:, 16:48] == 255)
    assert not inputs.mask[:, :16].any()
    assert not inputs.mask[:, 48:].any()


def test_pictures_are_padded_where_wanted(store, folder, tmp_path):
    Image.fromarray(quarters((128, 64))).save(tmp_path / "image.png")
    name = folder.keep_input(tmp_path / "image.png")
    engine = HookedEngine(lambda _event: None)
    add(store, task="image_to_video", image=name, last_image=name, fit="pad")
    Worker("test", store, engine, folder).run_once()
    (inputs,) = engine.inputs
    for picture in (inputs.image, inputs.last_image):
        assert picture is not None
        assert np.abs(picture[0, 18, 2].astype(int) - RED).max() < 5
        assert np.abs(picture[0, 45, 2].astype(int) - BLUE).max() < 5


def test_progress_and_a_preview_are_there_while_it_runs(store, folder):
    job, seen = add(store), []

    def look(event: Event) -> None:
        if isinstance(event, Step) and event.index == 2:
            now = store.get(job.id)
            seen.append((now.progress.stage, now.progress.steps, files(folder)))

    hooked(store, folder, look).run_once()
    assert seen == [(Stage.STEP, 3, [f"{job.id}.webp"])]
    assert not folder.preview(job.id).exists()


def test_reports_are_at_most_one_a_second_but_for_new_stages(store, folder, monkeypatch):
    reports = []
    monkeypatch.setattr(store, "report", lambda _claim, progress: reports.append(progress.stage))
    monkeypatch.setattr(module, "REPORT_SECONDS", 3600)
    add(store, num_inference_steps=50)
    hooked(store, folder, lambda _event: None).run_once()
    assert reports == [Stage.LOADING, Stage.STEP, Stage.DECODING, Stage.ENCODING, Stage.ENCODING]


def test_the_time_left_is_that_of_the_whole_job(store, folder, monkeypatch):
    monkeypatch.setattr(module, "decode_steps", lambda _request, _spec: 6)
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    reports: list[Progress] = []
    monkeypatch.setattr(store, "report", lambda _claim, progress: reports.append(progress))

    def tick(event: Event) -> None:
        now[0] += 2.0 * isinstance(event, Step)  # each step takes two seconds, all else none

    add(store, num_inference_steps=3, num_videos_per_prompt=2)
    hooked(store, folder, tick).run_once()
    assert [(each.clip, each.stage, each.step, each.seconds_left) for each in reports] == [
        (0, Stage.LOADING, 0, None),
        (0, Stage.STEP, 1, None),
        (0, Stage.STEP, 2, 2 * (1 + 6) + 2 * (3 + 6)),
        (0, Stage.STEP, 3, 2 * 6 + 2 * (3 + 6)),
        (0, Stage.DECODING, 0, 2 * 6 + 2 * (3 + 6)),
        (0, Stage.ENCODING, 0, 2 * (3 + 6)),
        (0, Stage.ENCODING, 0, 2 * (3 + 6)),  # with what the clip took
        (1, Stage.STEP, 1, 2 * (2 + 6)),
        (1, Stage.STEP, 2, 2 * (1 + 6)),
        (1, Stage.STEP, 3, 2 * 6),
        (1, Stage.DECODING, 0, 2 * 6),
        (1, Stage.ENCODING, 0, 0),
        (1, Stage.ENCODING, 0, 0),
    ]


def test_what_the_clips_took_is_kept_for_estimates_and_taken_over_clips_are_not_timed(
    store, folder, monkeypatch
):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def tick(event: Event) -> None:
        now[0] += {Step: 2.0, Decoding: 5.0, Ready: 100.0}.get(type(event), 0.0)

    job = add(store, num_inference_steps=3, num_videos_per_prompt=2)
    first = folder.video(folder.video_of(job.id, 1, 0))
    write_mp4(grays(9), 8, first, {})
    hooked(store, folder, tick).run_once()
    made = end(store, job).progress.made
    assert (made.clips, made.seconds) == (1, 3 * 2 + 5)
    assert (made.step_seconds, made.tail_seconds) == (2, 5)
    assert list(store.alike(job.request)) == [end(store, job)]
    waiting = add(store, num_inference_steps=3)
    reports: list[Progress] = []
    monkeypatch.setattr(store, "report", lambda _claim, progress: reports.append(progress))
    hooked(store, folder, tick).run_once()
    assert waiting.progress.seconds_left is None
    first_step = next(each for each in reports if each.stage is Stage.STEP)
    assert first_step.seconds_left == 2 * 2 + 5  # from the first step on


def test_a_cancel_stops_at_the_next_step_undecoded(store, folder):
    job = add(store, num_inference_steps=50)
    engine = HookedEngine(
        lambda event: isinstance(event, Step) and event.index == 3 and store.cancel(job.id)
    )
    Worker("test", store, engine, folder).run_once()
    assert end(store, job).status is Status.CANCELLED
    steps = [event.index for event in engine.seen if isinstance(event, Step)]
    assert steps[-1] <= 4
    assert not any(isinstance(event, Finished) for event in engine.seen)
    assert files(folder) == []


class WindowedEngine(FakeEngine):
    """Tells of three windows in each step, and does something at each."""

    def __init__(self, hook: Callable[[], object]) -> None:
        super().__init__()
        self.hook = hook

    def generate(self, request, inputs) -> Generator[Event, None, None]:
        for event in super().generate(request, inputs):
            for _ in range(3 * isinstance(event, Step)):
                self.hook()
                yield Pass()
            yield event


def test_a_cancel_stops_between_the_windows_of_a_step(store, folder):
    job, windows = add(store), []

    def look() -> None:
        windows.append(1)
        if len(windows) == 2:
            store.cancel(job.id)

    Worker("test", store, WindowedEngine(look), folder).run_once()
    assert end(store, job).status is Status.CANCELLED
    assert len(windows) == 2


def test_what_was_made_before_a_cancel_is_kept(store, folder):
    job = add(store, num_videos_per_prompt=2, seed=5)
    engine = HookedEngine(lambda event: None)
    engine.hook = lambda _event: len(engine.inputs) == 2 and store.cancel(job.id)
    Worker("test", store, engine, folder).run_once()
    stopped = end(store, job)
    assert stopped.status is Status.CANCELLED
    assert [output.seed for output in stopped.outputs] == [5]
    assert files(folder) == [stopped.outputs[0].file]


def test_what_was_made_before_a_failure_is_kept(store, folder):
    def explode(_event: Event) -> None:
        if len(engine.inputs) == 3:
            raise RuntimeError("broken")

    job = add(store, num_videos_per_prompt=3)
    engine = HookedEngine(explode)
    Worker("test", store, engine, folder).run_once()
    failed = end(store, job)
    assert (failed.status, len(failed.outputs)) == (Status.FAILED, 2)
    assert sorted(files(folder)) == sorted(output.file for output in failed.outputs)


def test_a_failure_is_recorded_and_the_next_job_runs(worker, store, folder):
    failing, next_job = add(store, prompt="please fail now"), add(store)
    worker.run_once()
    worker.run_once()
    failure = end(store, failing).failure
    assert failure is not None
    assert (failure.code, failure.message) == (
        "generation_failed",
        "The fake engine was asked to fail.",
    )
    assert end(store, next_job).status is Status.COMPLETED


def test_the_unexpected_is_logged_and_not_told(store, folder, caplog):
    def explode(_event: Event) -> None:
        raise RuntimeError("secret path /etc/passwd")

    job = add(store)
    hooked(store, folder, explode).run_once()
    failure = end(store, job).failure
    assert failure is not None
    assert failure.code == "generation_failed"
    assert "passwd" not in failure.message
    assert "passwd" in caplog.text


def test_references_are_seen_whole_on_white(store, folder, tmp_path):
    names = []
    for color, size in (("blue", (200, 100)), ("red", (50, 100))):
        Image.new("RGB", size, color).save(tmp_path / f"{color}.png")
        names.append(folder.keep_input(tmp_path / f"{color}.png"))
    add(store, model="wan2.1-vace-1.3b", reference_images=tuple(names))
    engine = HookedEngine(lambda _event: None)
    Worker("test", store, engine, folder).run_once()
    (inputs,) = engine.inputs
    wide, high = inputs.references
    assert wide.shape == high.shape == (1, 64, 64, 3)
    assert (wide[0, 20:44] == (0, 0, 255)).all()
    assert (wide[0, :12] == 255).all()
    assert (high[0, :, 20:44] == (255, 0, 0)).all()
    assert (high[0, :, :12] == 255).all()


def test_a_lost_input_is_a_failure(worker, store):
    job = add(store, task="image_to_video", image="gone")
    worker.run_once()
    failure = end(store, job).failure
    assert failure is not None
    assert failure.code == "unreadable_medium"


def test_a_full_disk_is_said_so_and_leaves_nothing(worker, store, folder, monkeypatch):
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(clips, "write_mp4", full)
    job = add(store)
    worker.run_once()
    failure = end(store, job).failure
    assert failure is not None
    assert failure.code == "storage_full"
    assert files(folder) == []


def test_a_preview_that_cannot_be_written_does_not_end_the_job(worker, store, monkeypatch):
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "write_preview", full)
    job = add(store)
    worker.run_once()
    assert end(store, job).status is Status.COMPLETED


def test_a_preview_that_is_being_sent_does_not_end_the_worker(worker, store, monkeypatch):
    unlink, refused = Path.unlink, []

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".webp":
            refused.append(path)
            raise PermissionError(errno.EACCES, "in use")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    job = add(store)
    assert worker.run_once()
    assert refused
    assert end(store, job).status is Status.COMPLETED


def test_a_worker_that_lost_its_job_stops_and_writes_nothing(store, folder):
    job = add(store, num_inference_steps=50)
    engine = HookedEngine(
        lambda event: (
            isinstance(event, Step)
            and event.index == 2
            and store.requeue("test", 3, LOST, is_fault=True)
        )
    )
    Worker("test", store, engine, folder).run_once()
    found = store.get(job.id)
    assert found is not None
    assert found.status is Status.WAITING
    assert files(folder) == []


def test_a_video_of_a_lost_attempt_is_taken_over_by_the_next(store, folder, monkeypatch):
    """A kill between the rename and the commit: the clip is whole, and not made again."""
    write = clips.write_mp4

    def write_then_lose(*arguments) -> None:
        write(*arguments)
        store.requeue("test", 3, LOST, is_fault=True)

    monkeypatch.setattr(clips, "write_mp4", write_then_lose)
    job = add(store)
    hooked(store, folder, lambda _event: None).run_once()
    found = store.get(job.id)
    assert found is not None
    assert (found.status, found.outputs) == (Status.WAITING, ())
    (left,) = files(folder)
    engine = HookedEngine(lambda _event: None)
    Worker("test", store, engine, folder).run_once()
    done = end(store, job)
    assert (done.status, done.attempt, engine.seen) == (Status.COMPLETED, 2, [])
    assert [output.file for output in done.outputs] == [left] == files(folder)


def test_only_the_clips_that_are_missing_are_made_by_the_next_attempt(store, folder):
    job = add(store, num_videos_per_prompt=3, seed=5)
    first = HookedEngine(lambda _event: None)
    first.hook = lambda _event: (
        len(first.inputs) == 3 and store.requeue("test", 3, LOST, is_fault=True)
    )
    Worker("test", store, first, folder).run_once()
    assert len(files(folder)) == 2
    second = HookedEngine(lambda _event: None)
    Worker("test", store, second, folder).run_once()
    done = end(store, job)
    assert [output.seed for output in done.outputs] == [5, 6, 7]
    assert sorted(output.file for output in done.outputs) == sorted(files(folder))
    assert len(second.inputs) == 1
    seeds = [read_metadata(folder.video(o.file))["request"]["seed"] for o in done.outputs]
    assert seeds == [5, 6, 7]


def test_a_table_that_is_away_at_the_end_loses_no_clip(store, folder, monkeypatch):
    def away(*_arguments: object) -> bool:
        raise OSError("the database is locked")

    job = add(store)
    with monkeypatch.context() as patch:
        patch.setattr(store, "complete", away)
        with pytest.raises(OSError, match="locked"):
            hooked(store, folder, lambda _event: None).run_once()
    store.requeue("test", 3, LOST, is_fault=True)
    Worker("test", store, HookedEngine(lambda _event: None), folder).run_once()
    done = end(store, job)
    assert (done.status, done.attempt) == (Status.COMPLETED, 2)
    assert files(folder) == [done.outputs[0].file]


def _away(call, times: int):
    """``call``, but for so many times the table does not answer."""
    left = [StorageAway()] * times

    def answer(*arguments: Any) -> Any:
        if left:
            raise left.pop()
        return call(*arguments)

    return answer


@pytest.mark.parametrize("call", ["is_wanted", "report", "complete"])
def test_a_table_that_is_away_for_a_while_changes_nothing(store, folder, monkeypatch, call):
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(store, call, _away(getattr(store, call), 3))
    job = add(store)
    assert hooked(store, folder, lambda _event: None).run_once()
    done = end(store, job)
    assert (done.status, done.attempt) == (Status.COMPLETED, 1)


def test_a_claim_whose_answer_was_lost_is_given_back(store, folder, monkeypatch):
    """The table took the claim, and then did not answer."""
    claim, lost = store.claim, [StorageAway()]

    def take(name: str) -> Any:
        taken = claim(name)
        if lost:
            raise lost.pop()
        return taken

    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(store, "claim", take)
    give_back = partial(store.requeue, max_losses=3, failure=LOST)
    worker = Worker(
        "test",
        store,
        FakeEngine(),
        folder,
        give_back=lambda name, is_fault: give_back(worker=name, is_fault=is_fault),
    )
    job = add(store)
    executor = InlineExecutor(worker.run)
    executor.start()
    until(lambda: store.get(job.id).status.is_final)
    executor.stop(60)
    assert end(store, job).status is Status.COMPLETED


def test_a_folder_that_is_away_for_a_while_costs_no_clip(store, folder, monkeypatch):
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(clips, "write_mp4", _stumbling(clips.write_mp4))
    job = add(store)
    assert hooked(store, folder, lambda _event: None).run_once()
    assert end(store, job).status is Status.COMPLETED


def test_a_folder_that_is_away_as_a_job_begins_costs_no_job(store, folder, monkeypatch, tmp_path):
    picture = tmp_path / "picture.png"
    Image.fromarray(quarters((64, 64))).save(picture)
    job = add(store, task="image_to_video", image=folder.keep_input(picture))
    away = folder.inputs.rename(folder.root / "away")

    class Pauses(Flag):
        def wait(self, timeout: float | None = None) -> bool:
            if away.exists():
                away.rename(folder.inputs)
            return False

    assert Worker("test", store, FakeEngine(), folder).run_once(Pauses())
    assert end(store, job).status is Status.COMPLETED


def _stumbling(write):
    left = [FileNotFoundError(errno.ENOENT, "away"), OSError(errno.EIO, "input/output")]

    def answer(*arguments: Any) -> None:
        if left:
            raise left.pop()
        write(*arguments)

    return answer


def test_a_stopped_worker_leaves_its_job_for_the_next(store, folder):
    job, stopping = add(store, num_inference_steps=50), Flag()
    late = hooked(store, folder, lambda event: isinstance(event, Step) and stopping.set())
    with pytest.raises(SystemExit):
        late.run_once(stopping)
    (given_back,) = store.requeue("test", 3, LOST, is_fault=False)
    assert (given_back.id, given_back.status) == (job.id, Status.WAITING)
    assert files(folder) == []


def test_run_works_until_it_is_told_to_stop(worker, store):
    executor = InlineExecutor(worker.run)
    executor.start()
    jobs = [add(store) for _ in range(3)]
    until(lambda: all(store.get(job.id).status is Status.COMPLETED for job in jobs))
    executor.stop(60)
    assert not executor.is_alive()


class PlanningEngine(FakeEngine):
    """Plans, runs out of memory after a step, and plans anew."""

    def generate(self, request, inputs) -> Generator[Event, None, None]:
        yield Planned("Everything stays.", notice="It may be tight.")
        yield Step(1, request.effective_steps)
        yield Planned("Out of memory: again.", notice="Out of memory: again.")
        yield from super().generate(request, inputs)


def test_how_the_model_is_kept_is_reported_and_a_second_try_at_once(store, folder, monkeypatch):
    reported: list[tuple[Stage, str, str]] = []
    report = store.report

    def remember(claim, progress: Progress) -> None:
        reported.append((progress.stage, progress.memory, progress.notice))
        report(claim, progress)

    monkeypatch.setattr(store, "report", remember)
    job = add(store)
    assert Worker("test", store, PlanningEngine(), folder).run_once()
    assert end(store, job).status is Status.COMPLETED
    again = "Out of memory: again."
    assert reported[:2] == [
        (Stage.STEP, "Everything stays.", "It may be tight."),
        (Stage.LOADING, again, again),
    ]
    assert reported[-1] == (Stage.ENCODING, again, again)


def test_the_way_into_memory_is_no_part_of_how_long_a_clip_takes(store, folder):
    def slow(event: Event) -> None:
        if isinstance(event, Ready):
            time.sleep(0.3)

    job = add(store)
    hooked(store, folder, slow).run_once()
    done = end(store, job)
    assert done.started_at is not None
    assert done.finished_at is not None
    assert done.run_seconds is not None
    spent = (done.finished_at - done.started_at).total_seconds()
    assert done.progress.preparing_seconds >= 0.3
    assert spent - done.run_seconds == pytest.approx(done.progress.preparing_seconds)


class HungEngine(FakeEngine):
    """Never comes back from its second step, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = Flag()

    def generate(self, request, inputs) -> Generator[Event, None, None]:
        for event in super().generate(request, inputs):
            yield event
            if isinstance(event, Step) and event.index == 2:
                assert self.let_go.wait(60)


def test_a_step_that_hangs_ends_the_worker(store, folder, monkeypatch, caplog):
    monkeypatch.setattr(module, "HANG_STEPS", 0)
    monkeypatch.setattr(module, "beating", partial(beating, seconds=0.01))
    engine = HungEngine()
    job = add(store, num_inference_steps=4)
    worker = Worker("test", store, engine, folder, BUILT_IN, engine.let_go.set, 0.3)
    worker.run_once()
    assert "no progress for 0 s: this worker ends itself" in caplog.text
    assert end(store, job).status is Status.COMPLETED  # as nothing really ended here


def test_a_stop_does_not_wait_for_a_step_that_hangs(store, folder, monkeypatch, caplog):
    """What the end of the process is in a real worker lets the step go on here."""
    monkeypatch.setattr(module, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(module, "beating", partial(beating, seconds=0.01))
    engine = HungEngine()
    job = add(store, num_inference_steps=4)
    worker = Worker("test", store, engine, folder, BUILT_IN, engine.let_go.set, 60.0)
    thread = Thread(target=worker.run_once, daemon=True)
    thread.start()
    until(lambda: not store.waiting())
    assert not engine.let_go.wait(0.5)
    store.cancel(job.id)
    thread.join(30)
    assert "told to stop, and no step ends" in caplog.text
    assert end(store, job).status is Status.CANCELLED


def test_a_table_that_is_away_stops_nothing(store, folder, monkeypatch):
    monkeypatch.setattr(module, "STOP_SECONDS", 0.0)
    monkeypatch.setattr(module, "beating", partial(beating, seconds=0.01))
    ended = Flag()
    job = add(store, num_inference_steps=4)
    worker = Worker("test", store, FakeEngine(0.05), folder, BUILT_IN, ended.set, 60.0)
    monkeypatch.setattr(store, "is_wanted", _raise_away)
    worker.run_once()
    assert not ended.is_set()
    assert end(store, job).status is Status.COMPLETED


def _raise_away(_claim: Claim) -> bool:
    raise StorageAway


def test_a_clip_that_the_safety_check_refuses_is_never_seen(store, folder):
    job = add(store)
    written: list[object] = []

    def check(_asked: object, frames: object) -> str | None:
        written.extend([*folder.videos.iterdir(), *folder.previews.iterdir()])
        return "no such pictures" if frames is not None else None

    Worker("test", store, FakeEngine(), folder, safety=Safety(check)).run_once()
    failed = store.get(job.id)
    assert failed.failure.code == "refused"
    assert failed.failure.message == "This server's safety check refused it: no such pictures."
    assert [*written, *folder.videos.iterdir(), *folder.previews.iterdir()] == []
