from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.hub.conftest import REPO, SOURCE, WEIGHTS, Fetch, write_repo
from tests.hub.server import HubServer
from wan_demo.domain.source import Source
from wan_demo.hub import cache
from wan_demo.hub.cache import RepoCache, find, is_whole

COMMIT = "0" * 40


@pytest.fixture
def foreign(root: Path) -> Path:
    """A snapshot that some other tool made."""
    cache = RepoCache(REPO, root)
    write_repo(cache.snapshot(COMMIT))
    (cache.folder / "refs").mkdir()
    (cache.folder / "refs" / "main").write_text(COMMIT)
    return cache.snapshot(COMMIT)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", 5, None, ["x"], "../" * 2000])
def test_an_index_of_names_that_can_be_none_is_not_whole(foreign: Path, name):
    index = foreign / "vae" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": name}}))
    assert not is_whole(foreign)


def test_an_index_beyond_all_size_is_not_read(foreign: Path, monkeypatch):
    monkeypatch.setattr(cache, "LONGEST_JSON", 10)
    index = foreign / "vae" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": Path(WEIGHTS).name}}))
    assert not is_whole(foreign)


def test_nothing_is_found_in_an_empty_cache(root: Path):
    assert find(SOURCE, root) is None
    assert not root.exists()


def test_what_another_tool_downloaded_is_found_by_branch_and_by_commit(root: Path, foreign: Path):
    assert find(SOURCE, root) == foreign
    assert find(Source(REPO, COMMIT), root) == foreign
    assert find(Source(REPO, "other"), root) is None
    assert find(Source(REPO, "1" * 40), root) is None


def test_a_file_named_in_full_is_found_alone(root: Path, foreign: Path):
    (foreign / "model_index.json").unlink()
    assert find(Source(REPO, patterns=(WEIGHTS,)), root) == foreign
    assert find(Source(REPO, patterns=(WEIGHTS, "gone.safetensors")), root) is None
    assert find(Source(REPO, patterns=("*.safetensors",)), root) is None


@pytest.mark.parametrize("gone", ["model_index.json", WEIGHTS])
def test_a_foreign_snapshot_without_a_part_is_not_whole(root: Path, foreign: Path, gone):
    (foreign / gone).unlink()
    assert find(SOURCE, root) is None


def test_every_shard_of_an_index_is_needed(foreign: Path):
    index = foreign / "vae" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}))
    assert not is_whole(foreign)
    for name in ("1.safetensors", "2.safetensors"):
        (index.parent / name).touch()
    assert is_whole(foreign)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"weight_map": [1]}', '{"weight_map": {"a": 1}}']
)
def test_a_broken_index_is_no_whole_snapshot(foreign: Path, content):
    (foreign / "vae" / "diffusion_pytorch_model.safetensors.index.json").write_text(content)
    assert not is_whole(foreign)


@pytest.mark.parametrize("ref", ["../../../x", "", "\xff"])
def test_a_broken_ref_leads_nowhere(root: Path, foreign: Path, ref):
    (RepoCache(REPO, root).folder / "refs" / "main").write_text(ref)
    assert find(SOURCE, root) is None


def test_our_record_holds_until_a_file_is_gone_or_short(hub, root: Path, get: Fetch):
    snapshot = get()
    RepoCache(REPO, root).folder.joinpath("refs", "main").write_text(COMMIT)
    assert find(SOURCE, root) == snapshot  # whatever other tools make of the branch
    os.truncate((snapshot / WEIGHTS).resolve(), 10)
    assert find(SOURCE, root) is None
    get()
    assert find(SOURCE, root) == snapshot


def test_a_broken_record_is_no_record(hub: HubServer, root: Path, get: Fetch):
    get()
    cache = RepoCache(REPO, root)
    (record,) = cache.folder.joinpath("wan_demo").iterdir()
    for content in ("", "[]", "{}", '{"commit": 1, "files": 2}'):
        record.write_text(content)
        assert cache.recorded(SOURCE) is None


def test_sources_of_one_repo_share_files_and_have_records_of_their_own(hub, root, get: Fetch):
    part = Source(REPO, patterns=("vae/*",))
    get(part)
    assert find(SOURCE, root) is None
    assert get() == get(part)
    assert [request.path for request in hub.bodies()].count("vae/config.json") == 1


def test_the_layout_is_links_to_blobs_named_by_checksum(hub: HubServer, root: Path, get: Fetch):
    snapshot = get()
    for path, file in hub.stored(REPO).items():
        if (place := snapshot / path).exists():
            assert not Path(os.readlink(place)).is_absolute()
            assert place.resolve().name == file.etag
    assert (root / "models--tiny--wan" / "refs" / "main").read_text() == snapshot.name


@pytest.mark.parametrize("has_hard_links", [True, False])
def test_a_system_without_links_gets_files(hub, get: Fetch, root, monkeypatch, has_hard_links):
    def refuse(*_args: object) -> None:
        raise OSError(1, "not allowed")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    if not has_hard_links:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    snapshot = get()
    assert not (snapshot / WEIGHTS).is_symlink()
    assert (snapshot / WEIGHTS).read_bytes() == (hub.root / REPO / WEIGHTS).read_bytes()
    assert find(SOURCE, root) == snapshot
