"""The test hub is a faithful one: the library that everybody uses is content with it."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import HfApi, scan_cache_dir, snapshot_download

from tests.hub.conftest import REPO, SOURCE, WEIGHTS, Fetch
from tests.hub.server import HubServer
from wan_demo.hub.cache import find


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_librarys_own_download_works_and_is_found(hub: HubServer, root: Path):
    theirs = Path(snapshot_download(REPO, endpoint=hub.endpoint, cache_dir=root))
    assert contents(theirs) == contents(hub.root / REPO)
    assert find(SOURCE, root) == theirs


def test_the_librarys_list_of_files_is_the_repos(hub: HubServer):
    info = HfApi(endpoint=hub.endpoint).model_info(REPO, files_metadata=True)
    sizes = {each.rfilename: each.size for each in info.siblings or []}
    assert sizes == {path: len(content) for path, content in contents(hub.root / REPO).items()}
    assert info.sha == hub.commit(REPO)


def test_the_library_finds_and_keeps_what_we_downloaded(hub: HubServer, root: Path, get: Fetch):
    ours = get()
    local = snapshot_download(REPO, cache_dir=root, local_files_only=True)
    assert Path(local) == ours
    hub.requests.clear()
    patterns = [path.relative_to(ours).as_posix() for path in ours.rglob("*") if path.is_file()]
    again = snapshot_download(REPO, cache_dir=root, endpoint=hub.endpoint, allow_patterns=patterns)
    assert Path(again) == ours
    assert hub.bodies() == []


def test_the_librarys_inventory_takes_our_files_for_its_own(hub, root: Path, get: Fetch):
    ours = get()
    (repo,) = scan_cache_dir(root).repos
    (revision,) = repo.revisions
    assert repo.repo_id == REPO
    assert revision.refs == {"main"}
    assert revision.nb_files == len(contents(ours))


def test_what_the_library_left_undone_is_completed(hub: HubServer, root: Path, get: Fetch):
    snapshot_download(
        REPO, endpoint=hub.endpoint, cache_dir=root, ignore_patterns=["transformer/*.safetensors"]
    )
    assert find(SOURCE, root) is None
    hub.requests.clear()
    get()
    assert {request.path for request in hub.bodies()} == {WEIGHTS}
