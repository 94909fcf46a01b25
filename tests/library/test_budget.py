from __future__ import annotations

import pytest

from tests.makers import request
from wan_demo.domain.job import Output
from wan_demo.errors import BudgetFull, PinsFull, StorageFull
from wan_demo.library.budget import Budget
from wan_demo.library.clips import Library
from wan_demo.service import Service


@pytest.fixture
def make(store, folder):
    """Makes a job with a clip of so many bytes; returns its id."""

    def make(size: int, owner: str = "ada") -> str:
        job = store.add(request(), owner)
        claim = store.claim("w1")
        name = folder.video_of(job.id, 1, 0)
        folder.video(name).write_bytes(b"x" * size)
        store.complete(claim, [Output(file=name, seed=1)])
        return job.id

    return make


def test_without_a_budget_nothing_has_to_go(store, folder, make):
    make(1000)
    budget = Budget(store, folder)
    budget.check()
    assert (budget.surplus(), budget.next_to_go()) == ([], set())


def test_the_oldest_of_all_owners_go_until_the_rest_fits(store, folder, make):
    jobs = [make(400, owner) for owner in ("ada", "bob", "ada", "bob")]
    assert Budget(store, folder, 1600).surplus() == []
    assert Budget(store, folder, 1599).surplus() == jobs[:1]
    assert Budget(store, folder, 1199).surplus() == jobs[:2]
    assert Budget(store, folder, 1).surplus() == jobs


def test_pinned_clips_stay(store, folder, make):
    jobs = [make(400) for _ in range(3)]
    store.pin("ada", [jobs[0]], True)
    assert Budget(store, folder, 800).surplus() == [jobs[1]]
    assert Budget(store, folder, 1).surplus() == jobs[1:]


def test_posters_count_and_rows_without_files_do_not_go(store, folder, make):
    lost, job = make(400), make(400)
    folder.remove_clips(lost)
    folder.poster(folder.video_of(job, 1, 0)).write_bytes(b"x" * 100)
    assert Budget(store, folder, 499).surplus() == [job]


def test_what_goes_next_is_told_before(store, folder, make):
    jobs = [make(100) for _ in range(9)]
    assert Budget(store, folder, 1000).next_to_go() == set()
    newest = make(50)
    assert Budget(store, folder, 1000).next_to_go() == {jobs[0]}
    store.pin("ada", jobs, True)
    assert Budget(store, folder, 1000).next_to_go() == {newest}


def test_new_work_is_refused_where_what_stays_fills_the_budget(store, folder, make):
    service = Service(
        store, folder, "wan-tiny", lambda _spec: True, library=Library(store, folder, 1000)
    )
    given = {"task": "text_to_video", "prompt": "a red circle"}
    job = make(1000)
    service.submit(given, "bob")
    store.pin("ada", [job], True)
    with pytest.raises(BudgetFull, match=r"keeps 1e-06 GB of videos.*Unpin or delete some") as full:
        service.submit(given, "bob")
    assert isinstance(full.value, StorageFull)
    assert (full.value.code, full.value.status) == ("budget_full", 507)
    store.delete("ada", [job])
    service.submit(given, "bob")


def test_pins_leave_half_of_the_budget_to_others(store, folder, make):
    library = Library(store, folder, 1000)
    first, second, small = make(300), make(300, "bob"), make(200, "bob")
    library.pin("ada", first, True)
    with pytest.raises(PinsFull, match="may take 5e-07 GB of this server, everybody's together"):
        library.pin("bob", second, True)
    library.pin("bob", small, True)
    library.pin("bob", small, True)  # once more is no more
    library.pin("ada", first, False)
    library.pin("bob", second, True)
    assert [store.get(job).pinned for job in (first, second, small)] == [False, True, True]
    assert Budget(store, folder, 1000).surplus() == []


def test_without_a_budget_everything_may_be_pinned(store, folder, make):
    library, job = Library(store, folder), make(10**6)
    library.pin("ada", job, True)
    assert store.get(job).pinned
