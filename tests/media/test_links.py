from __future__ import annotations

import os
import string
import time
from pathlib import Path

import pytest

from wan_demo.media.folder import DataFolder
from wan_demo.media.links import LINK_HOURS, Links, new_owner


def token(address: str) -> str:
    return address.removeprefix("files/").partition("?")[0]


@pytest.fixture
def video(folder: DataFolder) -> str:
    name = folder.video_of("job", 1, 0)
    folder.video(name).write_bytes(b"video")
    return name


def test_a_link_leads_to_its_file(links: Links, folder: DataFolder, video: str):
    assert links.resolve(token(links.video(video))) == folder.video(video)


def test_a_link_outlives_the_process(links: Links, folder: DataFolder, video: str):
    assert Links(folder).resolve(token(links.video(video))) == folder.video(video)


def test_a_forged_link_leads_nowhere(links: Links, tmp_path, video: str):
    other = DataFolder(tmp_path / "other").create()
    good = token(links.video(video))
    forged = [
        token(Links(other).video(video)),
        good[:-8] + "AAAAAAAA",
        "A" + good,
        good.rpartition(".")[0],
        video,
        "",
        "..",
        "\ud800",
    ]
    assert [links.resolve(each) for each in forged] == [None] * len(forged)


def test_an_owners_token_is_no_files(links: Links):
    assert links.resolve(links.sign_owner("somebody")) is None


def test_a_link_expires(links: Links, video: str, monkeypatch):
    address = links.video(video)
    start = time.time()
    monkeypatch.setattr(time, "time", lambda: start + (LINK_HOURS - 1) * 3600)
    assert links.resolve(token(address)) is not None
    monkeypatch.setattr(time, "time", lambda: start + (LINK_HOURS + 2) * 3600)
    assert links.resolve(token(address)) is None


def test_a_link_stays_the_same_for_a_while(links: Links, video: str, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1e9)
    assert links.video(video) == links.video(video)


def test_a_link_to_a_deleted_file_leads_nowhere(links: Links, folder: DataFolder, video: str):
    folder.video(video).unlink()
    assert links.resolve(token(links.video(video))) is None


def test_a_link_to_what_its_owner_deleted_leads_nowhere_at_once(folder: DataFolder, video: str):
    deleted: set[str] = set()
    links = Links(folder, deleted.__contains__)
    assert links.poster(video) is None
    folder.poster(video).write_bytes(b"webp")
    addresses = [links.video(video), links.poster(video) or ""]
    expected = [folder.video(video), folder.poster(video)]
    assert [links.resolve(token(address)) for address in addresses] == expected
    deleted.add("job")
    assert [links.resolve(token(address)) for address in addresses] == [None, None]


def test_a_preview_has_a_new_address_each_time(links: Links, folder: DataFolder):
    assert links.preview("job") is None
    path = folder.preview("job")
    addresses = []
    for stamp in (1, 2):
        path.write_bytes(b"webp")
        os.utime(path, ns=(stamp, stamp))
        addresses.append(links.preview("job"))
    first, second = addresses
    assert first is not None
    assert first != second
    assert links.resolve(token(first)) == path


def test_owners_come_back_and_forged_ones_do_not(links: Links):
    owner = new_owner()
    cookie = links.sign_owner(owner)
    assert links.read_owner(cookie) == owner
    for forged in ("", owner, cookie + "x", "é", cookie[:-2]):
        assert links.read_owner(forged) is None


def test_the_secret_is_its_owners_alone(folder: DataFolder, links: Links):
    assert (folder.root / "secret").stat().st_mode & 0o077 == 0


def test_a_job_has_a_token_that_its_id_does_not_give_away(links: Links, tmp_path: Path):
    token = links.job("job-1")
    assert links.read_job(token) == "job-1"
    assert links.job("job-1") == token
    assert links.read_job("job-1") is None
    assert Links(DataFolder(tmp_path / "another").create()).read_job(token) is None


@pytest.mark.parametrize("forged", ["", ".", "x.y", "\0", "a" * 5000, "ImEi.ImEi"])
def test_a_forged_token_is_no_jobs(links: Links, forged: str):
    assert links.read_job(forged) is None


def test_tokens_of_one_kind_are_none_of_another(links: Links):
    assert links.read_job(links.sign_owner("ada")) is None
    assert links.read_owner(links.job("ada")) is None
    assert links.resolve(links.job("ada")) is None


@pytest.mark.parametrize("more", ["=", "=; x", "\n", "\u20ac"])
def test_a_token_is_itself_only(links: Links, more: str):
    assert links.read_job(links.job("a") + more) is None
    assert links.read_owner(links.sign_owner("ada") + more) is None


def test_no_letter_of_an_address_can_be_another(links: Links, video: str):
    """The last one of a signature has bits that say nothing."""
    good = token(links.video(video))
    letters = f"{string.ascii_letters}{string.digits}-_"
    others = [good[:-1] + letter for letter in letters if letter != good[-1]]
    assert [each for each in others if links.resolve(each)] == []


def test_a_source_has_an_address_while_it_is_there(folder: DataFolder):
    links = Links(folder, {"gone"}.__contains__)
    assert links.source("job") is None
    for job in ("job", "gone"):
        folder.source(job).touch()
    address = links.source("job")
    assert address is not None
    assert links.resolve(address.removeprefix("files/")) == folder.source("job")
    assert links.resolve((links.source("gone") or "").removeprefix("files/")) is None
