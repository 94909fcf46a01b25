from __future__ import annotations

import hashlib
import os
import shutil
import time
from datetime import UTC, datetime, timedelta

import pytest

from wan_demo.media.folder import RESERVE_BYTES, DataFolder, replacing


def test_replacing_makes_a_file_whole(tmp_path):
    target = tmp_path / "a.mp4"
    with replacing(target) as part:
        part.write_bytes(b"new")
        assert not target.exists()
        assert part.suffix == ".part"
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_replacing_changes_nothing_when_writing_fails(tmp_path):
    target = tmp_path / "a.mp4"
    target.write_bytes(b"old")

    def write_half() -> None:
        with replacing(target) as part:
            part.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_half()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_input_is_kept_once_for_the_same_bytes(folder: DataFolder, tmp_path):
    for name in ("one.png", "two.png"):
        (tmp_path / name).write_bytes(b"picture")
    kept = {folder.keep_input(tmp_path / name) for name in ("one.png", "two.png")}
    assert kept == {hashlib.sha256(b"picture").hexdigest()}
    assert [path.read_bytes() for path in folder.inputs.iterdir()] == [b"picture"]


def test_an_input_that_comes_again_is_new_again(folder: DataFolder, tmp_path):
    (tmp_path / "a.png").write_bytes(b"picture")
    kept = folder.input(folder.keep_input(tmp_path / "a.png"))
    os.utime(kept, (0, 0))
    folder.keep_input(tmp_path / "a.png")
    assert folder.sweep_inputs(set(), before=time.time() - 3600) == 0
    assert kept.read_bytes() == b"picture"


def test_only_inputs_that_are_old_and_named_by_nobody_are_swept(folder: DataFolder):
    for name, age in [("named", 0), ("old", 0), ("new", time.time())]:
        folder.input(name).touch()
        os.utime(folder.input(name), (age, age))
    assert folder.sweep_inputs({"named"}, before=time.time() - 3600) == 1
    assert {path.name for path in folder.inputs.iterdir()} == {"named", "new"}


def test_a_jobs_clips_are_removed_with_their_posters_and_no_others(folder: DataFolder):
    job, other = "-a_1[x]Q", "-a_1"
    names = [folder.video_of(owner, 1, index) for owner in (job, other) for index in range(2)]
    for name in (*names, "older.mp4"):
        folder.video(name).touch()
        folder.poster(name).touch()
    folder.remove_clips(job, ["older.mp4", "gone.mp4"])
    left = {path.name for path in folder.videos.iterdir()}
    assert left == {each for name in names[2:] for each in (name, folder.poster(name).name)}


def test_a_jobs_source_counts_and_goes_with_its_clips(folder: DataFolder):
    job, other = "-a_1[x]Q", "-a_1"
    for owner in (job, other):
        folder.video(folder.video_of(owner, 1, 0)).write_bytes(bytes(10))
        folder.source(owner).write_bytes(bytes(5))
    assert folder.sizes() == {job: 15, other: 15}
    folder.remove_clips(job)
    assert folder.sizes() == {other: 15}
    assert [path.name for path in folder.sources.iterdir()] == [f"{other}.m4v"]


def test_a_source_is_dropped_where_no_clip_is(folder: DataFolder):
    folder.video(folder.video_of("done", 1, 0)).touch()
    for job in ("done", "failed"):
        folder.source(job).touch()
        folder.drop_source(job)
    folder.drop_source("never")
    assert [path.stem for path in folder.sources.iterdir()] == ["done"]


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "a/../../b"])
def test_names_never_lead_out_of_the_folder(folder: DataFolder, name):
    assert folder.video(name).parent == folder.videos
    assert folder.input(name).parent == folder.inputs
    assert folder.source(name).parent == folder.sources


def test_a_jobs_clips_are_found_by_whatever_attempt_made_them(folder: DataFolder):
    job, other = "-a_1[x]Q", "-a_1"
    for owner, attempt, index in [(job, 1, 0), (job, 2, 1), (job, 1, 10), (other, 3, 2)]:
        folder.video(folder.video_of(owner, attempt, index)).touch()
    found = [folder.finished(job, index) for index in range(3)]
    assert found == [folder.video_of(job, 1, 0), folder.video_of(job, 2, 1), None]
    assert folder.finished(job, 10) == folder.video_of(job, 1, 10)


@pytest.mark.parametrize(("free", "expected"), [(RESERVE_BYTES + 1, True), (RESERVE_BYTES, False)])
def test_room_is_left_for_another_video(folder: DataFolder, monkeypatch, free, expected):
    usage = shutil.disk_usage(folder.root)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    assert folder.has_room() is expected


def test_a_sweep_leaves_only_what_is_whole_and_named(folder: DataFolder):
    since = datetime.now(UTC) - timedelta(hours=1)
    swept = [
        folder.root / "link.key.1f.part",
        folder.inputs / "abc.1f.part",
        folder.previews / "job.webp",
        folder.videos / "b.mp4.1f.part",
        folder.video("orphan.mp4"),
        folder.video("ended.1.0.mp4"),
        folder.video("ended.1.0.webp"),
        folder.video("lost.1.0.webp"),
        folder.sources / "job.m4v.1f.part",
        folder.source("gone"),
    ]
    named = ("a.mp4", "a.webp", "old.mp4", "waits.1.0.mp4")
    sources = map(folder.source, ("a", "old", "waits"))
    kept = [folder.database, folder.input("abc"), *map(folder.video, named), *sources]
    for path in swept + kept:
        path.touch()
    for old in (folder.video("old.mp4"), folder.source("old")):
        os.utime(old, (0, 0))
    folder.sweep({"a.mp4"}, since, {"waits"})
    assert [path for path in swept if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []


def test_a_sweep_passes_over_what_it_cannot_delete(folder: DataFolder):
    (folder.previews / "in use").mkdir()
    (folder.previews / "job.webp").touch()
    folder.sweep(set(), datetime.now(UTC))
    assert [path.name for path in folder.previews.iterdir()] == ["in use"]
