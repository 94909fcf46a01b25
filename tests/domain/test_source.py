from __future__ import annotations

import pytest

from wan_demo.domain.source import Source
from wan_demo.errors import InvalidRequest

COMMIT = "0fad780a534b6463e45facd96134c9f345acfa5b"


@pytest.mark.parametrize("repo", ["Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "a/b", "x_/_y", "A1/b.c"])
def test_a_repo_of_the_hub_is_one(repo):
    assert Source(repo).revision == "main"


@pytest.mark.parametrize(
    "repo",
    [
        *("", "wan", "/", "a/", "/b", "a/b/c", "../b", "a/..", "a/.b", "-a/b", "a/b-", "a/b.git"),
        *("a--b/c", "a/b..c", "a\\b/c", "C:/b", "a/b c", "a/b\n", "a/ü", "a/b?x", "a/b#x", "a/%2e"),
        *("a/b\0", "http://a/b", "a/" + "b" * 95),
    ],
)
def test_what_is_no_repo_is_refused_by_name(repo):
    with pytest.raises(InvalidRequest, match="owner/name") as refusal:
        Source(repo)
    assert refusal.value.field == "model"


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/1", "fp8-e4m3fn", COMMIT])
def test_a_revision_is_a_branch_a_tag_or_a_commit(revision):
    assert Source("a/b", revision).revision == revision


@pytest.mark.parametrize(
    "revision",
    [
        "",
        "..",
        "a/../b",
        "/main",
        "main/",
        "a//b",
        ".a",
        "a/.b",
        "a.lock",
        "a b",
        "a\\b",
        "-x",
        "a\n",
    ],
)
def test_what_is_no_revision_is_refused(revision):
    with pytest.raises(InvalidRequest, match="branch"):
        Source("a/b", revision)


def test_only_a_full_commit_id_is_fixed_for_good():
    assert Source("a/b", COMMIT).commit == COMMIT
    assert Source("a/b", COMMIT[:7]).commit is None
    assert Source("a/b").commit is None
