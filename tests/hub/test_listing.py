from __future__ import annotations

import pytest

from tests.hub.conftest import REPO, Fetch
from tests.hub.server import HubServer
from wan_demo.domain.source import Source
from wan_demo.errors import DownloadFailed
from wan_demo.hub import listing


def refused(hub: HubServer, get: Fetch) -> str:
    with pytest.raises(DownloadFailed) as refusal:
        get()
    assert hub.bodies() == []
    return str(refusal.value)


def test_a_hostile_name_ends_it_before_the_first_byte(hub: HubServer, get: Fetch, root):
    hub.edit = lambda answer: answer["siblings"][0].update(rfilename="../../../evil.json")
    assert "is not safe: '../../../evil.json'" in refused(hub, get)
    assert not root.exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"size": -1}, "siblings.0.size"),
        ({"size": "12"}, "siblings.0.size"),
        ({"size": 2**62}, "siblings.0.size"),
        ({"size": None}, "siblings.0.size"),
        ({"blobId": "../../x"}, "siblings.0.blobId"),
        ({"lfs": {"sha256": "/etc/passwd", "size": 1}}, "siblings.0.lfs.sha256"),
        ({"lfs": {"sha256": "0" * 64, "size": 1}}, "two sizes"),
    ],
)
def test_what_the_list_says_is_checked(hub: HubServer, get: Fetch, change, named):
    hub.edit = lambda answer: answer["siblings"][0].update(change)
    assert named in refused(hub, get)


@pytest.mark.parametrize("commit", ["main", "../x", "", None, "0" * 39])
def test_a_commit_is_one(hub: HubServer, get: Fetch, commit):
    hub.edit = lambda answer: answer.update(sha=commit)
    assert "sha is not as it should be" in refused(hub, get)


def test_the_commit_that_was_asked_for_is_the_one_that_comes(hub: HubServer, get: Fetch):
    commit = hub.commit(REPO)
    hub.edit = lambda answer: answer.update(sha="0" * 40)
    with pytest.raises(DownloadFailed, match="another commit"):
        get(Source(REPO, commit))


def test_a_list_has_an_end(hub: HubServer, get: Fetch, monkeypatch):
    monkeypatch.setattr(listing, "MAX_FILES", 3)
    assert "9 files; 3 are the limit" in refused(hub, get)
    monkeypatch.setattr(listing, "MAX_ANSWER_BYTES", 100)
    assert "it is too long" in refused(hub, get)


def test_an_answer_that_is_no_list_is_said_to_be_none(hub: HubServer, get: Fetch):
    hub.edit = lambda answer: answer.pop("siblings")
    assert refused(hub, get) == (
        "The hub's file list of tiny/wan can't be used: siblings is not as it should be."
    )
