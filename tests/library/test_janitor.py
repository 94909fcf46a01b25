from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from threading import Thread

import pytest

from tests.makers import request, until
from wan_demo.domain.job import Job
from wan_demo.domain.library import UNDO
from wan_demo.engine.fake import FakeEngine
from wan_demo.errors import StorageAway
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.library.budget import Budget
from wan_demo.library.janitor import INPUT_AGE, MARGIN, Janitor
from wan_demo.media.folder import DataFolder
from wan_demo.media.uploads import KEPT, Uploads
from wan_demo.worker import Worker

LATER = UNDO + 2 * MARGIN


class Clock:
    """The time of day, as far ahead as a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(folder: DataFolder):
    engine = connect(sqlite_url(folder.database))
    yield SqlJobStore(engine)
    engine.dispose()


@pytest.fixture
def make(store, folder):
    worker = Worker("test", store, FakeEngine(), folder)

    def make(**changes) -> Job:
        job = store.add(request(**changes), "ada")
        assert worker.run_once()
        done = store.get(job.id)
        assert done is not None
        return done

    return make


def janitor(store, folder, clock, max_bytes: float | None = None, pause: float = 20.0) -> Janitor:
    return Janitor(store, folder, Budget(store, folder, max_bytes), clock, pause)


def videos(folder: DataFolder) -> set[str]:
    return {path.name for path in folder.videos.iterdir()}


def files_of(folder: DataFolder, *jobs: Job) -> set[str]:
    names = [output.file for job in jobs for output in job.outputs]
    return {*names, *(folder.poster(name).name for name in names)}


def test_a_deleted_job_goes_for_good_once_it_can_not_be_had_back(store, folder, clock, make):
    gone, kept = make(num_videos_per_prompt=2), make()
    store.delete("ada", [gone.id])
    tidy = janitor(store, folder, clock).tidy
    clock.ahead = UNDO
    tidy()
    assert videos(folder) == files_of(folder, gone, kept)
    clock.ahead = LATER
    tidy()
    assert videos(folder) == files_of(folder, kept)
    assert store.get(gone.id) is None
    assert store.get(kept.id) == kept


def test_what_is_had_back_stays(store, folder, clock, make):
    job = make()
    store.delete("ada", [job.id])
    store.restore("ada", [job.id], datetime.now(UTC) - UNDO)
    clock.ahead = LATER
    janitor(store, folder, clock).tidy()
    assert videos(folder) == files_of(folder, job)


def test_cut_short_after_the_files_it_goes_on_with_the_row(store, folder, clock, make, monkeypatch):
    job = make()
    store.delete("ada", [job.id])
    clock.ahead = LATER

    def crash(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as cut:
        cut.setattr(store, "forget", crash)
        with pytest.raises(SystemExit):
            janitor(store, folder, clock).tidy()
    assert (videos(folder), store.get(job.id) is None) == (set(), False)
    janitor(store, folder, clock).tidy()
    assert store.get(job.id) is None


def test_a_file_that_can_not_be_removed_keeps_its_row_and_no_other(
    store, folder, clock, make, monkeypatch
):
    stuck, gone = make(), make()
    store.delete("ada", [stuck.id, gone.id])
    clock.ahead = LATER
    remove = DataFolder.remove_clips

    def refuse(self, job_id: str, names) -> None:
        if job_id == stuck.id:
            raise PermissionError("in use")
        remove(self, job_id, names)

    monkeypatch.setattr(DataFolder, "remove_clips", refuse)
    janitor(store, folder, clock).tidy()
    assert (store.get(stuck.id) is None, store.get(gone.id) is None) == (False, True)


def test_the_budget_takes_the_oldest_and_its_log_no_prompt(store, folder, clock, make, caplog):
    caplog.set_level("INFO", "wan_demo")
    first, pinned, last = make(prompt="a secret"), make(), make()
    store.pin("ada", [pinned.id], True)
    fits = sum(folder.sizes().values()) - 1
    janitor(store, folder, clock, fits).tidy()
    assert videos(folder) == files_of(folder, pinned, last)
    assert store.get(first.id) is None
    assert f"the videos of job {first.id} go: the disk budget is full" in caplog.text
    assert "secret" not in caplog.text
    janitor(store, folder, clock, 1).tidy()
    assert videos(folder) == files_of(folder, pinned)


def test_uploads_go_once_no_job_names_them_and_none_is_being_submitted(
    store, folder, clock, tmp_path
):
    names = {}
    for each in ("shared", "alone", "fresh"):
        (tmp_path / each).write_text(each)
        names[each] = folder.keep_input(tmp_path / each)
        os.utime(folder.input(names[each]), (0, 0))
    jobs = [
        store.add(request(task="image_to_video", image=names[each]), owner)
        for each, owner in [("shared", "ada"), ("shared", "bob"), ("alone", "ada")]
    ]
    for job in jobs:
        store.cancel(job.id)
    assert folder.keep_input(tmp_path / "fresh") == names["fresh"]
    store.delete("ada", [jobs[0].id, jobs[2].id])
    clock.ahead = LATER
    keeper = janitor(store, folder, clock)
    keeper.tidy()
    assert {path.name for path in folder.inputs.iterdir()} == {names["shared"], names["fresh"]}
    clock.ahead = INPUT_AGE + LATER
    keeper.tidy()
    assert {path.name for path in folder.inputs.iterdir()} == {names["shared"]}


def test_uploads_that_nobody_used_for_a_day_go_at_the_first_look_and_each_hour(
    store, folder, clock, tmp_path, monkeypatch
):
    uploads = Uploads(tmp_path / "gradio", folder.root).create()
    mine = uploads.root / "mine.mp4"

    def away(_until: datetime) -> list[str]:
        raise StorageAway

    monkeypatch.setattr(store, "deleted", away)
    keeper = Janitor(store, folder, Budget(store, folder, None), clock, uploads=uploads)

    def look(ahead: timedelta) -> bool:
        clock.ahead = ahead
        with suppress(StorageAway):
            keeper.tidy()
        return mine.exists()

    mine.touch()
    assert look(KEPT - MARGIN)
    assert look(KEPT + MARGIN)  # it looked a moment ago
    assert not look(KEPT + INPUT_AGE)
    mine.touch()
    keeper = Janitor(store, folder, Budget(store, folder, None), clock, uploads=uploads)
    assert not look(KEPT + INPUT_AGE)


def test_it_goes_on_after_a_look_that_failed(store, folder, clock, make, monkeypatch):
    job, looks = make(), []
    store.delete("ada", [job.id])
    clock.ahead = LATER
    deleted = store.deleted

    def fail_once(until: datetime) -> list[str]:
        looks.append(until)
        if len(looks) == 1:
            raise OSError("the database is away")
        return deleted(until)

    monkeypatch.setattr(store, "deleted", fail_once)
    stopping = Flag()
    run = janitor(store, folder, clock, pause=0.01).run
    thread = Thread(target=run, args=(stopping,), daemon=True)
    thread.start()
    until(lambda: store.get(job.id) is None)
    stopping.set()
    thread.join(10)
    assert not thread.is_alive()
