"""LoRAs of the hub: named by a file or by a repo, fetched once, and found again without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hub.server import Fault, HubServer
from wan_demo.domain.lora import LoraFile, Worn, parse
from wan_demo.errors import DownloadFailed, DownloadStopped, ModelUnavailable
from wan_demo.hub import download
from wan_demo.hub.loras import LoraFiles

REPO = "maker/style"
HIGH, LOW = "v1/high_noise_model.safetensors", "v1/low_noise_model.safetensors"

Wear = Callable[..., Worn]


@pytest.fixture
def shelf(repo: Path, hub: HubServer) -> Path:
    """The folder of another repo on the hub, still empty."""
    folder = hub.root / REPO
    folder.mkdir(parents=True)
    return folder


def put(folder: Path, *names: str, size: int = 1000) -> None:
    for name in names:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(name.encode() * size)


@pytest.fixture
def files(hub: HubServer, root: Path) -> LoraFiles:
    return LoraFiles(lambda *_: (), root=root, endpoint=hub.endpoint)


@pytest.fixture
def wear(files: LoraFiles) -> Wear:
    def wear(said: str, experts: int = 2, on_bytes=lambda *_: None, stopped=lambda: False) -> Worn:
        return files.worn(parse(said), experts, on_bytes, stopped)

    return wear


def names(worn: Worn) -> dict[str, list[str]]:
    return {part: [file.path.name for file in files] for part, files in worn.items()}


def asked(hub: HubServer) -> set[str]:
    return {request.path for request in hub.requests if request.path != "api"}


def test_a_file_comes_alone_and_both_experts_wear_it(shelf, hub, wear):
    put(shelf, "a.safetensors", "b.safetensors", "a.bin")
    worn = wear(f"{REPO}/a.safetensors:0.5")
    assert names(worn) == {"transformer": ["a.safetensors"], "transformer_2": ["a.safetensors"]}
    file = worn["transformer"][0]
    assert file == LoraFile(f"{REPO}/a.safetensors", file.path, 0.5)
    assert file.path.read_bytes() == (shelf / "a.safetensors").read_bytes()
    assert asked(hub) == {"a.safetensors"}


def test_a_pair_comes_whole_where_there_are_two_experts(shelf, hub, wear):
    put(shelf, HIGH, LOW, "v2/high_noise_model.safetensors")
    worn = wear(f"{REPO}/{LOW}")
    expected = {"transformer": ["high_noise_model.safetensors"]}
    assert names(worn) == expected | {"transformer_2": ["low_noise_model.safetensors"]}
    assert asked(hub) == {HIGH, LOW}


def test_half_a_pair_is_enough_for_one_expert(shelf, hub, wear):
    put(shelf, HIGH, LOW)
    assert names(wear(f"{REPO}/{HIGH}", experts=1)) == {
        "transformer": ["high_noise_model.safetensors"]
    }
    assert asked(hub) == {HIGH}


def test_a_lone_half_is_for_its_expert(shelf, wear):
    put(shelf, HIGH)
    assert set(wear(f"{REPO}/{HIGH}")) == {"transformer"}


@pytest.mark.parametrize("held", [["only.safetensors"], [HIGH, LOW]])
def test_a_repo_stands_for_its_only_file_or_pair(shelf, hub, wear, held):
    put(shelf, *held, "README.md", "sample.bin")
    worn = wear(REPO)
    assert {file.path.name for part in worn.values() for file in part} == {
        Path(name).name for name in held
    }
    hub.requests.clear()
    assert wear(REPO) == worn
    assert hub.requests == []


def test_what_is_here_needs_no_hub_and_no_leave_to_fetch(shelf, hub, wear, root):
    put(shelf, HIGH, LOW)
    worn = wear(f"{REPO}/{HIGH}")
    hub.requests.clear()
    offline = LoraFiles(lambda *_: (), may_download=False, root=root, endpoint=hub.endpoint)
    assert offline.worn(parse(f"{REPO}/{HIGH}"), 2, lambda *_: None, lambda: False) == worn
    assert len(offline.here(parse(f"{REPO}/{HIGH}")[0], 2)) == 2
    with pytest.raises(ModelUnavailable, match="not on this machine"):
        offline.worn(parse(f"{REPO}/other.safetensors"), 2, lambda *_: None, lambda: False)
    assert hub.requests == []


def test_bytes_are_told_and_a_cut_download_goes_on(shelf, hub, wear):
    put(shelf, "a.safetensors", size=50_000)
    total = (shelf / "a.safetensors").stat().st_size
    told: list[tuple[int, int]] = []
    hub.faults.append(Fault("a.safetensors", cut_after=200_000))
    wear(f"{REPO}/a.safetensors", on_bytes=lambda done, all_: told.append((done, all_)))
    assert told[-1] == (total, total)
    ranges = [r.range for r in hub.requests if r.host == "files"]
    assert ranges[0] is None
    assert ranges[1] == "bytes=200000-"


def test_a_stop_ends_it(shelf, wear):
    put(shelf, "a.safetensors")
    with pytest.raises(DownloadStopped):
        wear(f"{REPO}/a.safetensors", stopped=lambda: True)


@pytest.mark.parametrize(
    ("held", "asked_for", "reason"),
    [
        (["a.safetensors", "b.safetensors"], REPO, f"name the one that you want, as {REPO}/a.safe"),
        (["a.bin"], REPO, "only pickles"),
        (["README.md"], REPO, "no safetensors file"),
        (["a.safetensors"], f"{REPO}/b.safetensors", "has no b.safetensors"),
        ([LOW], f"{REPO}/{HIGH}", f"has no {HIGH}"),
        (["a.safetensors"], "nobody/nothing", "nobody/nothing"),
        (["a.safetensors"], f"{REPO}@v9", REPO),
    ],
)
def test_what_the_hub_does_not_have_is_one_sentence(shelf, wear, held, asked_for, reason):
    put(shelf, *held)
    with pytest.raises(DownloadFailed) as caught:
        wear(asked_for)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_whole_model_is_not_fetched_as_a_lora(shelf, hub, wear, monkeypatch):
    monkeypatch.setattr(download, "LARGEST_LORA", 5_000)
    put(shelf, "a.safetensors")
    with pytest.raises(DownloadFailed, match="is no LoRA"):
        wear(f"{REPO}/a.safetensors")
    assert asked(hub) == set()


def test_several_keep_the_requests_order(shelf, wear):
    put(shelf, "a.safetensors", "b.safetensors")
    worn = wear(f"{REPO}/b.safetensors:1, {REPO}/a.safetensors:2")
    assert [file.weight for file in worn["transformer"]] == [1, 2]


def test_a_file_that_left_the_data_folder_is_said(files):
    with pytest.raises(ModelUnavailable, match="no longer in the folder"):
        files.worn(parse("gone"), 1, lambda *_: None, lambda: False)
