"""Downloads as they go in life: broken off, resumed, damaged, refused, in two processes at once."""

from __future__ import annotations

import errno
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.hub.conftest import REPO, SOURCE, WEIGHT_BYTES, WEIGHTS, Fetch, write_repo
from tests.hub.server import Fault, HubServer
from wan_demo.domain.source import Source
from wan_demo.errors import DownloadFailed, DownloadStopped, NoRoomForModel
from wan_demo.hub.cache import RepoCache, find
from wan_demo.hub.connection import Patience
from wan_demo.hub.part import Part

ROOT = Path(__file__).parents[2]
CUT = 250_000


@pytest.fixture
def part(hub: HubServer, root: Path) -> Path:
    """Where the bytes of the weights gather."""
    return RepoCache(REPO, root).blobs / f"{hub.stored(REPO)[WEIGHTS].etag}.wan_demo.part"


@pytest.fixture
def broken_off(hub: HubServer, get: Fetch, part: Path) -> Path:
    """The part that a try left which the hub cut for good."""
    hub.faults.append(Fault(WEIGHTS, cut_after=CUT))
    hub.faults.append(Fault(WEIGHTS, cut_after=0, times=9))
    with pytest.raises(DownloadFailed):
        get()
    hub.faults.clear()
    hub.requests.clear()
    assert part.stat().st_size == CUT
    return part


def weights(hub: HubServer) -> list[tuple[str | None, int]]:
    """What was asked of the weights, and the bytes that were sent for it."""
    return [(request.range, request.sent) for request in hub.bodies() if request.path == WEIGHTS]


def assert_whole(snapshot: Path, hub: HubServer) -> None:
    theirs = hub.root / REPO
    ours = {path.relative_to(snapshot) for path in snapshot.rglob("*") if path.is_file()}
    assert len(ours) == 7
    assert all((snapshot / path).read_bytes() == (theirs / path).read_bytes() for path in ours)
    assert not list(snapshot.parents[1].rglob("*.part"))


def eventually(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


# The plain way


def test_a_download_is_the_repos_files_without_code_and_pickles(hub: HubServer, get: Fetch):
    snapshot = get()
    assert_whole(snapshot, hub)
    assert not (snapshot / "vae/diffusion_pytorch_model.bin").exists()
    assert not (snapshot / "assets").exists()


def test_what_is_here_is_taken_without_a_single_request(hub: HubServer, get: Fetch):
    snapshot = get()
    hub.requests.clear()
    assert get() == snapshot
    assert hub.requests == []


def test_progress_counts_bytes_up_to_the_whole(hub: HubServer, get: Fetch):
    told: list[tuple[int, int]] = []
    hub.faults.append(Fault(WEIGHTS, bytes_per_second=800_000))
    began = time.monotonic()
    get(on_progress=lambda *counts: told.append(counts))
    took = time.monotonic() - began
    done = [count for count, _total in told]
    assert done == sorted(done)
    assert done[0] == 0
    assert 0 < done[2] < told[-1][1]
    assert told[-1][0] == told[-1][1] > WEIGHT_BYTES
    assert len(told) <= took * 4 + 3


def test_a_new_commit_costs_only_what_changed(hub: HubServer, repo, get: Fetch, root: Path):
    old = get()
    shutil.rmtree(RepoCache(REPO, root).folder / "wan_demo")
    shutil.rmtree(RepoCache(REPO, root).folder / "refs")
    (repo / "vae" / "config.json").write_text('{"new": true}')
    hub.requests.clear()
    new = get()
    assert new != old
    assert_whole(new, hub)
    assert [request.path for request in hub.bodies()] == ["vae/config.json"]


def test_empty_and_equal_files_are_files(repo: Path, get: Fetch):
    for name in ("added_tokens.txt", "merges.txt"):
        (repo / "tokenizer" / name).touch()
        (repo / "vae" / name).write_text("equal")
    snapshot = get()
    assert (snapshot / "tokenizer" / "merges.txt").read_bytes() == b""
    assert (snapshot / "vae" / "merges.txt").read_text() == "equal"


def test_offline_is_offline(hub: HubServer, get: Fetch, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadFailed, match="tiny/wan is not here, and HF_HUB_OFFLINE"):
        get()
    assert hub.requests == []


# Broken off, and on from there


def test_a_killed_process_leaves_bytes_that_the_next_one_keeps(hub, get: Fetch, root, part: Path):
    hub.faults.append(Fault(WEIGHTS, bytes_per_second=400_000))
    child = start_child(hub, root)
    eventually(lambda: part.exists() and part.stat().st_size >= 80_000)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = part.stat().st_size
    hub.requests.clear()
    assert_whole(get(), hub)
    assert weights(hub) == [(f"bytes={kept}-", WEIGHT_BYTES - kept)]
    assert {request.path for request in hub.bodies()} == {WEIGHTS}  # small ones came before it


def test_a_cut_connection_goes_on_from_there(hub: HubServer, get: Fetch):
    hub.faults.append(Fault(WEIGHTS, cut_after=CUT))
    assert_whole(get(), hub)
    assert weights(hub) == [(None, CUT), (f"bytes={CUT}-", WEIGHT_BYTES - CUT)]


def test_cuts_do_not_add_up_as_long_as_bytes_come(hub: HubServer, get: Fetch):
    hub.faults.append(Fault(WEIGHTS, cut_after=40_000, times=10))
    assert_whole(get(), hub)
    assert len(weights(hub)) == 11


def test_a_silent_connection_is_given_up_and_made_anew(hub: HubServer, get: Fetch):
    hub.faults.append(Fault(WEIGHTS, stalls_after=CUT))
    assert_whole(get(patience=Patience(attempts=5, first_wait=0.01, silence=0.4)), hub)
    assert weights(hub)[:2] == [(None, CUT), (f"bytes={CUT}-", WEIGHT_BYTES - CUT)]


def test_the_hub_gone_in_the_middle_says_what_is_kept(hub: HubServer, get: Fetch, broken_off):
    hub.faults.append(Fault(WEIGHTS, status=500, times=9))
    with pytest.raises(DownloadFailed) as refusal:
        get()
    host = hub.endpoint.removeprefix("http://")
    assert str(refusal.value) == (
        f"tiny/wan could not be downloaded: {host} answered with error 500. 252.6 kB of 602.6 kB "
        "are here, and the next try goes on from there."
    )


def test_the_hub_gone_from_the_start_says_so_too(hub: HubServer, get: Fetch, broken_off):
    hub.__exit__()
    with pytest.raises(DownloadFailed, match=r"can't be reached. 252.6 kB are here, and the next"):
        get()


def test_a_stop_ends_it_within_a_piece_and_keeps_the_part(hub: HubServer, get: Fetch, part: Path):
    hub.faults.append(Fault(WEIGHTS, bytes_per_second=400_000))
    has_begun = threading.Event()
    with pytest.raises(DownloadStopped, match="is kept"):
        get(
            on_progress=lambda done, _total: has_begun.set() if done > 40_000 else None,
            stopped=has_begun.is_set,
        )
    kept = part.stat().st_size
    assert 0 < kept < WEIGHT_BYTES / 2
    hub.requests.clear()
    assert_whole(get(), hub)
    assert weights(hub) == [(f"bytes={kept}-", WEIGHT_BYTES - kept)]


def test_progress_begins_where_it_was(hub: HubServer, get: Fetch, broken_off):
    told: list[int] = []
    get(on_progress=lambda done, _total: told.append(done))
    assert CUT < told[0] < CUT + 10_000


def test_a_part_that_is_complete_is_only_checked(hub: HubServer, get: Fetch, broken_off: Path):
    shutil.copyfile(hub.root / REPO / WEIGHTS, broken_off)
    assert_whole(get(), hub)
    assert hub.bodies() == []


# Servers that do not do as they should


def test_a_server_without_ranges_is_started_over(hub: HubServer, get: Fetch, broken_off):
    told: list[int] = []
    hub.faults.append(Fault(WEIGHTS, ignores_range=True))
    assert_whole(get(on_progress=lambda done, _total: told.append(done)), hub)
    assert weights(hub) == [(f"bytes={CUT}-", WEIGHT_BYTES)]
    assert told[-1] == max(told)


def test_a_server_without_ranges_that_always_cuts_is_given_up(hub: HubServer, get: Fetch):
    for length in (50, 30, 50, 30, 50, 30, 50, 30):
        hub.faults.append(Fault(WEIGHTS, ignores_range=True, cut_after=length))
    with pytest.raises(DownloadFailed, match="broke off"):
        get()


def test_a_file_that_changed_in_between_is_started_over(hub, repo, get: Fetch, broken_off: Path):
    write_repo(repo, seed=1)
    assert_whole(get(), hub)
    assert weights(hub) == [(None, WEIGHT_BYTES)]
    assert not broken_off.exists()


@pytest.mark.parametrize("path", [WEIGHTS, "vae/config.json"])
def test_wrong_bytes_are_fetched_once_more(hub: HubServer, get: Fetch, path):
    hub.faults.append(Fault(path, has_wrong_bytes=True))
    assert_whole(get(), hub)


def test_a_part_that_went_bad_is_fetched_anew(hub: HubServer, get: Fetch, broken_off: Path):
    broken_off.write_bytes(bytes(CUT))
    assert_whole(get(), hub)
    assert weights(hub) == [(f"bytes={CUT}-", WEIGHT_BYTES - CUT), (None, WEIGHT_BYTES)]


def test_a_part_that_is_too_long_is_fetched_anew(hub: HubServer, get: Fetch, broken_off: Path):
    broken_off.write_bytes(bytes(WEIGHT_BYTES + 1))
    assert_whole(get(), hub)


def test_what_is_damaged_twice_ends_in_a_sentence(hub: HubServer, get: Fetch, root, part: Path):
    hub.faults.append(Fault(WEIGHTS, times=9, has_wrong_bytes=True))
    with pytest.raises(DownloadFailed) as refusal:
        get()
    assert str(refusal.value) == f"{WEIGHTS} of tiny/wan has a wrong checksum, twice in a row."
    assert not part.exists()
    assert find(SOURCE, root) is None


@pytest.mark.parametrize("ignores_range", [True, False])
@pytest.mark.parametrize("length", [5, WEIGHT_BYTES + 5])
def test_an_answer_of_another_length_costs_no_byte_that_is_here(
    hub: HubServer, get: Fetch, broken_off: Path, ignores_range, length
):
    fault = Fault(WEIGHTS, times=9, announces=length, ignores_range=ignores_range, cut_after=0)
    hub.faults.append(fault)
    with pytest.raises(DownloadFailed):
        get()
    assert broken_off.stat().st_size == CUT
    hub.faults.clear()
    assert_whole(get(), hub)


def test_a_log_in_page_is_not_taken_for_the_file(hub: HubServer, get: Fetch, broken_off: Path):
    hub.faults.append(Fault(WEIGHTS, times=9, status=200, at_file_host=True))
    with pytest.raises(DownloadFailed, match=f"sent {WEIGHTS} in another size than it listed"):
        get()
    assert broken_off.stat().st_size == CUT


def test_a_file_that_is_not_the_listed_one_is_seen_before_its_bytes(hub: HubServer, get: Fetch):
    def lie(answer: dict) -> None:
        lfs = [each["lfs"] for each in answer["siblings"] if each["rfilename"] == WEIGHTS]
        lfs[0]["sha256"] = "0" * 64

    hub.edit = lie
    hub.faults.append(Fault(WEIGHTS, bytes_per_second=400_000, times=9))
    with pytest.raises(DownloadFailed, match=f"sent another {WEIGHTS} than it listed"):
        get()
    assert sum(sent for _range, sent in weights(hub)) < WEIGHT_BYTES


def test_a_file_longer_than_listed_is_never_written(hub: HubServer, get: Fetch, part: Path):
    def lie(answer: dict) -> None:
        (listed,) = (each for each in answer["siblings"] if each["rfilename"] == WEIGHTS)
        listed["size"] = listed["lfs"]["size"] = CUT

    hub.edit = lie
    hub.faults.append(Fault(WEIGHTS, times=9, hides_length=True))
    with pytest.raises(DownloadFailed, match="is longer than listed, twice in a row"):
        get()
    assert not part.exists()


def test_a_server_need_not_say_a_length(hub: HubServer, get: Fetch, broken_off):
    hub.faults.append(Fault("*", times=9, hides_length=True))
    assert_whole(get(), hub)


def test_a_file_that_is_shorter_on_the_server_is_no_endless_loop(hub, get: Fetch, broken_off):
    hub.faults.append(Fault(WEIGHTS, status=416, at_file_host=True, times=1))
    assert_whole(get(), hub)
    assert weights(hub) == [(None, WEIGHT_BYTES)]


# The disk


def test_too_little_room_is_refused_before_the_first_byte(hub: HubServer, get: Fetch, monkeypatch):
    usage = shutil.disk_usage(hub.root)._replace(free=400_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(NoRoomForModel) as refusal:
        get()
    assert str(refusal.value) == (
        "tiny/wan needs 614.6 kB more on the disk and 400.0 kB are free. Free some space, or set "
        "HF_HOME to a folder on another disk."
    )
    assert hub.bodies() == []


def test_only_what_is_missing_needs_room(hub: HubServer, get: Fetch, broken_off, monkeypatch):
    usage = shutil.disk_usage(hub.root)._replace(free=400_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    assert_whole(get(), hub)


def test_a_disk_that_fills_up_keeps_the_part(hub: HubServer, get: Fetch, part: Path, monkeypatch):
    append = Part.append

    def fill_up(self: Part, piece: bytes) -> None:
        if self.size > CUT:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, piece)

    monkeypatch.setattr(Part, "append", fill_up)
    with pytest.raises(
        NoRoomForModel, match=r"The disk is full: [23]..\.. kB of 602.6 kB of tiny/wan"
    ):
        get()
    kept = part.stat().st_size
    monkeypatch.undo()
    hub.requests.clear()
    assert_whole(get(), hub)
    assert weights(hub) == [(f"bytes={kept}-", WEIGHT_BYTES - kept)]


def test_a_cache_that_is_no_folder_is_said_to_be_none(hub: HubServer, get: Fetch, root: Path):
    root.write_text("a file")
    with pytest.raises(DownloadFailed, match=r"The model cache \(HF_HOME\) can't be used"):
        get()


# Two at once


def test_of_two_processes_one_downloads_and_the_other_waits(hub, get: Fetch, root, part: Path):
    hub.faults.append(Fault(WEIGHTS, bytes_per_second=400_000))
    child = start_child(hub, root)
    eventually(part.exists)
    told: list[int] = []
    snapshot = get(on_progress=lambda done, _total: told.append(done))
    assert child.wait() == 0
    assert_whole(snapshot, hub)
    assert [sent for _range, sent in weights(hub)] == [WEIGHT_BYTES]
    assert told  # the other one's progress


def test_one_that_waits_goes_on_where_the_other_was_killed(hub, get: Fetch, root, part: Path):
    hub.faults.append(Fault(WEIGHTS, bytes_per_second=200_000))
    child = start_child(hub, root)
    eventually(lambda: part.exists() and part.stat().st_size > 0)
    threading.Timer(0.5, child.kill).start()
    assert_whole(get(), hub)
    (_first, (again, sent)) = weights(hub)
    assert again == f"bytes={WEIGHT_BYTES - sent}-"


def test_one_that_waits_can_be_stopped(hub: HubServer, get: Fetch, root: Path, part: Path):
    hub.faults.append(Fault(WEIGHTS, bytes_per_second=100_000))
    start_child(hub, root)
    eventually(part.exists)
    told: list[int] = []
    with pytest.raises(DownloadStopped):
        get(on_progress=lambda done, _total: told.append(done), stopped=lambda: bool(told))


children: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def _no_child_outlives_its_test() -> Iterator[None]:
    yield
    while children:
        child = children.pop()
        child.kill()
        child.wait()


def start_child(hub: HubServer, root: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.hub.child", hub.endpoint, str(root), REPO]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    children.append(child)
    return child


def test_another_source_of_the_repo_waits_for_nothing_it_has(hub: HubServer, get: Fetch):
    get()
    hub.requests.clear()
    get(Source(REPO, patterns=("vae/*.json",)))
    assert hub.bodies() == []
