"""The folder of uploads: its own, and swept by when files were used."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from wan_demo.media.probed import stamp
from wan_demo.media.uploads import NoPlaceForUploads, Uploads, use

LONG_AGO = 1_000_000_000
MIDDLE = LONG_AGO + 1000


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "gradio", tmp_path / "data").create()


def put(path: Path, used: float = LONG_AGO) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"upload")
    os.utime(path, (used, used))
    return path


def test_what_was_not_used_for_long_goes_with_its_folder(uploads: Uploads):
    old, lent = put(uploads.root / "digest" / "old.mp4"), put(uploads.root / "token-lent.png")
    kept = put(uploads.root / "other" / "kept.mp4", MIDDLE + 1)
    assert uploads.sweep(MIDDLE) == 2
    assert (old.exists(), lent.exists(), kept.exists()) == (False, False, True)
    assert old.parent.is_dir()  # it may just be made for a file that is to come
    os.utime(old.parent, (LONG_AGO, LONG_AGO))
    os.utime(kept.parent, (LONG_AGO, LONG_AGO))
    assert uploads.sweep(MIDDLE) == 0
    assert (old.parent.exists(), kept.exists()) == (False, True)


def test_what_is_used_stays_and_is_the_same_file_to_whoever_knows_it(uploads: Uploads):
    path = put(uploads.root / "digest" / "a.mp4")
    before = stamp(path)
    use(path)
    assert stamp(path) == before
    assert uploads.sweep(MIDDLE) == 0
    use(uploads.root / "gone")


def test_other_apps_files_beside_them_stay(uploads: Uploads, tmp_path: Path):
    theirs = put(tmp_path / "gradio" / "digest" / "theirs.mp4")
    (uploads.root / "way").symlink_to(theirs.parent)
    assert uploads.sweep(MIDDLE) == 0
    assert theirs.exists()


def test_each_data_folder_has_its_own_and_the_same_again(tmp_path: Path):
    one = Uploads(tmp_path, tmp_path / "one")
    assert one.root == Uploads(tmp_path, tmp_path / "one").root
    assert one.root != Uploads(tmp_path, tmp_path / "two").root
    assert one.root.parent == tmp_path
    assert "one" not in one.root.name


def test_only_its_owner_looks_into_it(uploads: Uploads):
    assert stat.S_IMODE(uploads.root.stat().st_mode) == 0o700


def test_a_folder_that_somebody_else_put_there_is_refused_and_never_swept(tmp_path: Path):
    theirs = put(tmp_path / "theirs" / "letter.txt")
    uploads = Uploads(tmp_path, tmp_path / "data")
    uploads.root.symlink_to(theirs.parent)
    with pytest.raises(NoPlaceForUploads, match="GRADIO_TEMP_DIR"):
        uploads.create()
    assert uploads.sweep(MIDDLE) == 0
    assert theirs.exists()


def test_one_of_another_user_is_too(uploads: Uploads, monkeypatch: pytest.MonkeyPatch):
    put(uploads.root / "theirs")
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    with pytest.raises(NoPlaceForUploads):
        uploads.create()
    assert uploads.sweep(MIDDLE) == 0


def test_a_folder_that_is_gone_has_nothing_to_sweep(uploads: Uploads):
    uploads.root.rmdir()
    assert uploads.sweep(MIDDLE) == 0


def test_it_is_for_this_user_alone_whoever_made_it_anew(uploads: Uploads):
    uploads.root.rmdir()
    assert uploads.free_bytes() > 0
    uploads.root.chmod(0o777)
    uploads.create()
    assert stat.S_IMODE(uploads.root.stat().st_mode) == 0o700


def test_where_it_can_not_be_is_said_and_has_no_room(tmp_path: Path):
    (tmp_path / "file").touch()
    uploads = Uploads(tmp_path / "file", tmp_path / "data")
    with pytest.raises(NoPlaceForUploads, match=r"Not a directory.*GRADIO_TEMP_DIR"):
        uploads.create()
    assert uploads.free_bytes() == 0
