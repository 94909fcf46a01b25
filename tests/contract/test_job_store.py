"""What every job store does, whatever it is made of."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.makers import request, until
from wan_demo.domain.job import Failure, Job, Output, Progress, Stage, Status
from wan_demo.domain.queue import Caps
from wan_demo.errors import QueueFull, TooManyJobs
from wan_demo.jobs import memory, sql
from wan_demo.jobs.base import Claim, JobStore
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.jobs.table import metadata

LOST = Failure(code="worker_lost", message="The worker stopped.")
CLIPS = (Output(file="a.mp4", seed=1), Output(file="b.mp4", seed=2))
ROOT = Path(__file__).resolve().parents[2]


def _memory(_request: pytest.FixtureRequest) -> MemoryJobStore:
    return MemoryJobStore()


def _sqlite(fixtures: pytest.FixtureRequest) -> SqlJobStore:
    url = sqlite_url(fixtures.getfixturevalue("tmp_path") / "jobs.sqlite3")
    return _sql(fixtures, url)


def _postgres(fixtures: pytest.FixtureRequest) -> SqlJobStore:
    return _sql(fixtures, fixtures.getfixturevalue("postgres"))


def _sql(fixtures: pytest.FixtureRequest, url: str | sa.URL) -> SqlJobStore:
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(sa.delete(metadata.tables["jobs"]))
    fixtures.addfinalizer(engine.dispose)
    return SqlJobStore(engine)


@pytest.fixture(params=[_memory, _sqlite, _postgres], ids=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> JobStore:
    make: Callable[[pytest.FixtureRequest], JobStore] = request.param
    return make(request)


def add(store: JobStore, owner: str = "ada", **changes) -> Job:
    return store.add(request(**changes), owner)


def claim(store: JobStore, worker: str = "w1") -> Claim:
    claimed = store.claim(worker)
    assert claimed is not None
    return claimed


def now(store: JobStore, job: Job) -> Job:
    found = store.get(job.id)
    assert found is not None
    return found


def test_an_added_job_waits_and_comes_back_whole(store: JobStore):
    before = datetime.now(UTC) - timedelta(seconds=1)
    job = add(store, prompt="一个 “red” circle \n and more", seed=2**32 - 1)
    assert now(store, job) == job
    assert (job.status, job.owner, job.attempt) == (Status.WAITING, "ada", 0)
    assert before <= job.created_at <= datetime.now(UTC) + timedelta(seconds=1)
    assert job.request.seed == 2**32 - 1
    assert (job.started_at, job.finished_at, job.run_seconds) == (None, None, None)


def test_ids_are_long_and_never_the_same(store: JobStore):
    ids = {add(store).id for _ in range(20)}
    assert len(ids) == 20
    assert all(len(job_id) >= 16 for job_id in ids)


def test_there_is_no_job_of_another_id(store: JobStore):
    assert store.get("nothing") is None
    assert store.cancel("nothing") is None


def test_a_list_holds_the_owners_own_newest_first(store: JobStore):
    mine = [add(store, seed=seed) for seed in range(3)]
    add(store, owner="bob")
    assert [job.id for job in store.list("ada")] == [job.id for job in reversed(mine)]
    assert [job.id for job in store.list("ada", limit=2)] == [mine[2].id, mine[1].id]
    assert list(store.list("eve")) == []


def test_jobs_are_claimed_in_the_order_they_came(store: JobStore):
    first, second = add(store), add(store)
    assert claim(store).job.id == first.id
    assert claim(store, "w2").job.id == second.id
    assert store.claim("w3") is None


def test_a_job_is_claimed_by_its_id_out_of_its_turn(store: JobStore):
    first, second = add(store), add(store)
    claimed = store.claim("w1", second.id)
    assert claimed is not None
    assert claimed.job.id == second.id
    assert store.claim("w2", second.id) is None
    assert store.claim("w2", "nobody's") is None
    assert claim(store, "w2").job.id == first.id


def test_a_full_queue_takes_no_more(store: JobStore):
    for _ in range(2):
        store.add(request(), "ada", Caps(3, 2))
    with pytest.raises(TooManyJobs, match="2 of your jobs are waiting, and each person may have 2"):
        store.add(request(), "ada", Caps(3, 2))
    store.add(request(), "bob", Caps(3, 2))
    with pytest.raises(QueueFull, match="3 jobs are waiting and the limit is 3"):
        store.add(request(), "bob", Caps(3, 2))
    claim(store)
    store.add(request(), "bob", Caps(3, 2))
    assert store.waiting() == 3


def test_caps_hold_for_many_at_once(store: JobStore):
    def one(_index: int) -> int:
        try:
            store.add(request(), "ada", Caps(50, 5))
        except TooManyJobs:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        accepted = sum(pool.map(one, range(24)))
    assert accepted == store.waiting() == 5


def test_owners_take_turns(store: JobStore):
    mine = [add(store) for _ in range(3)]
    theirs = add(store, owner="bob")
    expected = [mine[0].id, theirs.id, mine[1].id, mine[2].id]
    assert [job.id for job in store.active()] == expected
    taken = []
    while (claimed := store.claim("w1")) is not None:
        taken.append(claimed.job.id)
        store.complete(claimed, CLIPS)
    assert taken == expected


def test_who_was_served_longest_ago_is_next(store: JobStore):
    for owner in ("ada", "bob", "ada", "eve"):
        add(store, owner=owner)
    for expected in ("ada", "bob", "eve"):
        claimed = claim(store)
        assert claimed.job.owner == expected
        store.complete(claimed, CLIPS)
    late = [add(store, owner=owner) for owner in ("eve", "bob")]
    assert [job.id for job in store.active()][1:] == [late[1].id, late[0].id]
    assert [job.owner for job in store.active()] == ["ada", "bob", "eve"]


def test_jobs_alike_stay_together_for_a_while(store: JobStore):
    add(store)
    store.complete(claim(store), CLIPS)
    add(store, owner="bob", num_frames=13)
    for _ in range(5):
        add(store)
    frames = [job.request.num_frames for job in store.active()]
    assert frames == [9, 9, 9, 13, 9, 9]


def test_ones_own_jobs_are_arranged(store: JobStore):
    mine = [add(store) for _ in range(4)]
    other = add(store, owner="bob")
    running = claim(store)
    store.arrange("ada", [mine[3].id, running.job.id, other.id, "nothing", mine[1].id])
    order = [job.id for job in store.active() if job.owner == "ada"]
    assert order == [mine[0].id, mine[3].id, mine[2].id, mine[1].id]
    late = add(store)
    assert store.active()[-1].id == late.id
    store.arrange("bob", [mine[1].id, mine[3].id])
    assert [job.id for job in store.active() if job.owner == "ada"] == [*order, late.id]


def test_a_claimed_job_runs(store: JobStore):
    add(store)
    job = claim(store, "w1").job
    assert (job.status, job.attempt) == (Status.RUNNING, 1)
    assert job.started_at is not None
    assert now(store, job) == job


def test_the_running_jobs_come_first(store: JobStore):
    jobs = [add(store) for _ in range(4)]
    claim(store)
    assert [job.id for job in store.active()] == [job.id for job in jobs]
    assert store.waiting() == 3


def test_progress_is_reported(store: JobStore):
    add(store)
    claimed = claim(store)
    progress = Progress(stage=Stage.STEP, step=2, steps=9, seconds_left=1.5)
    store.report(claimed, progress)
    assert now(store, claimed.job).progress == progress
    assert store.is_wanted(claimed)


def test_a_completed_job_has_its_videos(store: JobStore):
    add(store)
    claimed = claim(store)
    assert store.complete(claimed, CLIPS)
    job = now(store, claimed.job)
    assert (job.status, job.outputs) == (Status.COMPLETED, CLIPS)
    assert job.run_seconds is not None
    assert job.run_seconds >= 0
    assert list(store.active()) == []


def test_a_failed_job_says_why(store: JobStore):
    add(store)
    claimed = claim(store)
    assert store.fail(claimed, LOST)
    job = now(store, claimed.job)
    assert (job.status, job.failure, job.outputs) == (Status.FAILED, LOST, ())


def test_what_was_made_before_an_early_end_stays_with_the_job(store: JobStore):
    add(store)
    failed = claim(store)
    assert store.fail(failed, LOST, CLIPS[:1])
    add(store)
    stopped = claim(store)
    store.cancel(stopped.job.id)
    assert store.cancelled(stopped, CLIPS[1:])
    assert [now(store, each.job).outputs for each in (failed, stopped)] == [CLIPS[:1], CLIPS[1:]]
    assert store.videos() == {"a.mp4", "b.mp4"}


def test_a_waiting_job_is_cancelled_at_once(store: JobStore):
    job = add(store)
    cancelled = store.cancel(job.id)
    assert cancelled is not None
    assert cancelled.status is Status.CANCELLED
    assert cancelled.finished_at is not None
    assert store.claim("w1") is None


def test_a_running_job_is_cancelled_by_its_worker(store: JobStore):
    add(store)
    claimed = claim(store)
    marked = store.cancel(claimed.job.id)
    assert marked is not None
    assert (marked.status, marked.cancel_requested) == (Status.RUNNING, True)
    assert not store.is_wanted(claimed)
    assert store.cancelled(claimed)
    assert now(store, marked).status is Status.CANCELLED


def test_a_job_that_finished_before_its_cancel_was_seen_keeps_its_videos(store: JobStore):
    add(store)
    claimed = claim(store)
    store.cancel(claimed.job.id)
    assert store.complete(claimed, CLIPS)
    assert now(store, claimed.job).outputs == CLIPS


@pytest.mark.parametrize("end", ["complete", "fail", "cancelled"])
def test_an_end_is_final(store: JobStore, end: str):
    add(store)
    claimed = claim(store)
    ways = {
        "complete": lambda: store.complete(claimed, CLIPS),
        "fail": lambda: store.fail(claimed, LOST),
        "cancelled": lambda: store.cancelled(claimed),
    }
    assert ways[end]()
    job = now(store, claimed.job)
    assert not any(way() for way in ways.values())
    store.report(claimed, Progress(step=7))
    store.cancel(job.id)
    store.requeue("w1", 3, LOST, is_fault=True)
    assert now(store, job) == job
    assert not store.is_wanted(claimed)


def test_a_dead_workers_job_waits_again_in_its_old_place(store: JobStore):
    first, second = add(store), add(store)
    store.report(claim(store, "w1"), Progress(step=5))
    (job,) = store.requeue("w1", 3, LOST, is_fault=True)
    assert (job.id, job.status, job.progress) == (first.id, Status.WAITING, Progress())
    assert job.started_at is None
    again = claim(store, "w2")
    assert (again.job.id, again.job.attempt) == (first.id, 2)
    assert claim(store, "w2").job.id == second.id


def test_only_the_dead_workers_jobs_are_given_back(store: JobStore):
    add(store)
    add(store)
    claim(store, "w1")
    other = claim(store, "w2")
    assert len(store.requeue("w1", 3, LOST, is_fault=True)) == 1
    assert store.is_wanted(other)
    assert list(store.requeue("nobody", 3, LOST, is_fault=True)) == []


def test_a_groups_jobs_are_given_back_together_and_no_others(store: JobStore):
    workers = ["server:1", "server:2", "server", "server2:1", "serve_:1"]
    jobs = {worker: add(store).id for worker in workers}
    for worker in workers:
        claim(store, worker)
    (other,) = store.requeue("serve_", 3, LOST, is_fault=True)
    assert other.id == jobs["serve_:1"]
    given_back = store.requeue("server", 3, LOST, is_fault=True)
    assert {job.id for job in given_back} == {jobs[worker] for worker in workers[:3]}


def test_a_job_that_kills_its_workers_is_given_up(store: JobStore):
    job = add(store)
    for _ in range(2):
        claim(store)
        store.requeue("w1", 2, LOST, is_fault=True)
    assert (now(store, job).status, now(store, job).failure) == (Status.FAILED, LOST)
    assert store.claim("w1") is None


def test_a_stopped_worker_is_no_loss_however_often(store: JobStore):
    job = add(store)
    for _ in range(5):
        claim(store)
        store.requeue("w1", 2, LOST, is_fault=False)
    claim(store)
    store.requeue("w1", 2, LOST, is_fault=True)
    assert (now(store, job).status, now(store, job).attempt) == (Status.WAITING, 6)


def test_what_was_made_before_the_last_loss_stays_with_the_job(store: JobStore):
    poison, stopped, again = add(store), add(store), add(store)
    for name in ("w1", "w2", "w3"):
        claim(store, name)
    store.cancel(stopped.id)
    store.requeue("w1", 1, LOST, is_fault=True, made=lambda _job: CLIPS)
    store.requeue("w2", 2, LOST, is_fault=True, made=lambda _job: CLIPS[:1])
    store.requeue("w3", 2, LOST, is_fault=True, made=lambda _job: CLIPS)
    assert (now(store, poison).status, now(store, poison).outputs) == (Status.FAILED, CLIPS)
    assert (now(store, stopped).status, now(store, stopped).outputs) == (
        Status.CANCELLED,
        CLIPS[:1],
    )
    assert (now(store, again).status, now(store, again).outputs) == (Status.WAITING, ())
    store.cancel(again.id, made=lambda job: CLIPS if job.id == again.id else ())
    assert (now(store, again).status, now(store, again).outputs) == (Status.CANCELLED, CLIPS)
    store.cancel(poison.id, made=lambda _job: ())
    assert now(store, poison).outputs == CLIPS


def test_a_cancelled_job_of_a_dead_worker_ends(store: JobStore):
    job = add(store)
    claim(store)
    store.cancel(job.id)
    store.requeue("w1", 3, LOST, is_fault=True)
    assert now(store, job).status is Status.CANCELLED


def test_a_worker_that_lost_its_job_changes_nothing(store: JobStore):
    job = add(store)
    old = claim(store, "w1")
    store.requeue("w1", 3, LOST, is_fault=True)
    new = claim(store, "w2")
    assert not store.is_wanted(old)
    store.report(old, Progress(step=9))
    assert not store.complete(old, CLIPS)
    assert not store.fail(old, LOST)
    assert not store.cancelled(old)
    assert now(store, job) == new.job
    assert store.complete(new, ())


def test_the_videos_that_jobs_name_are_known_and_since_when(store: JobStore):
    assert (set(store.videos()), store.began()) == (set(), None)
    first = add(store)
    store.complete(claim(store), CLIPS)
    add(store)
    assert set(store.videos()) == {"a.mp4", "b.mp4"}
    assert store.began() == first.created_at


def test_estimates_learn_from_jobs_of_the_same_work_however_many_others_came_later(store: JobStore):
    first = add(store, seed=5)
    store.complete(claim(store), ())
    for seed in range(30):
        add(store, num_frames=17, seed=seed)
        store.complete(claim(store), ())
    second = add(store, num_videos_per_prompt=2, prompt="another")
    store.complete(claim(store), ())
    add(store)
    store.fail(claim(store), LOST)
    add(store)
    assert [job.id for job in store.alike(request())] == [second.id, first.id]
    assert [job.id for job in store.alike(request(), limit=1)] == [second.id]
    assert len(store.alike(request(num_frames=17))) == 20


def test_open_are_those_that_wait_or_run(store: JobStore):
    jobs = [add(store, seed=seed) for seed in range(4)]
    store.complete(claim(store), ())
    claim(store)
    store.cancel(jobs[2].id)
    assert store.open() == {jobs[1].id, jobs[3].id}
    assert [job.id for job in store.active()] == [jobs[1].id, jobs[3].id]


def test_estimates_learn_from_completed_jobs_of_the_model(store: JobStore):
    for model in ("wan-tiny", "wan2.2-ti2v-5b", "wan-tiny", "wan-tiny"):
        add(store, model=model)
    done = [claim(store) for _ in range(3)]
    for claimed in done:
        store.complete(claimed, ())
    store.fail(claim(store), LOST)
    ids = [job.id for job in store.recent("wan-tiny")]
    assert ids == [done[2].job.id, done[0].job.id]
    assert len(store.recent("wan-tiny", limit=1)) == 1


def test_four_threads_claim_each_job_once(store: JobStore):
    jobs = [add(store, seed=seed).id for seed in range(100)]

    def work(worker: str) -> list[str]:
        taken = []
        while (claimed := store.claim(worker)) is not None or store.waiting():
            if claimed is not None:
                taken.append(claimed.job.id)
                assert store.complete(claimed, ())
        return taken

    with ThreadPoolExecutor(4) as threads:
        taken = [job for each in threads.map(work, ["w1", "w2", "w3", "w4"]) for job in each]
    assert Counter(taken) == Counter(jobs)
    assert all(found.status is Status.COMPLETED for found in store.list("ada", 200))


_CLAIM_ALL = """
import sys
from wan_demo.jobs.sql import SqlJobStore, connect
store = SqlJobStore(connect(sys.argv[1]))
while store.waiting():
    claimed = store.claim(sys.argv[2])
    if claimed is not None:
        store.complete(claimed, ())
        print(claimed.job.id)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_three_processes_claim_each_job_once(kind: str, request: pytest.FixtureRequest):
    fixtures = request
    make = _sqlite if kind == "sqlite" else _postgres
    store = make(fixtures)
    jobs = [add(store, seed=seed).id for seed in range(60)]
    path = fixtures.getfixturevalue("tmp_path") / "jobs.sqlite3"
    url = sqlite_url(path) if kind == "sqlite" else fixtures.getfixturevalue("postgres")
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _CLAIM_ALL, str(url), f"w{number}"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for number in range(3)
    ]
    taken = [job for worker in workers for job in worker.communicate(timeout=120)[0].split()]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert Counter(taken) == Counter(jobs)


def test_a_worker_at_work_gives_signs_of_life(store: JobStore):
    assert store.signs() == {}
    for owner in ("ada", "bob"):
        add(store, owner=owner)
    claims = [claim(store, "w1"), claim(store, "w2")]
    first = store.signs()
    assert first.keys() == {"w1", "w2"}
    began = datetime.now(UTC)
    until(lambda: datetime.now(UTC) > began)
    store.beat(claims[0])
    second = store.signs()
    assert second["w1"] != first["w1"]
    assert second["w2"] == first["w2"]
    store.complete(claims[0], CLIPS)
    assert store.signs().keys() == {"w2"}


def test_a_claim_that_was_given_back_gives_no_sign(store: JobStore):
    add(store)
    lost = claim(store, "w1")
    store.requeue("w1", 3, LOST, is_fault=True)
    claim(store, "w2")
    before = store.signs()
    store.beat(lost)
    assert store.signs() == before


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=1)])
def test_turns_are_fair_whatever_the_clock_does(store, monkeypatch, jump):
    """Who was served last is known by a count: else one owner waits until it is so late again."""
    for owner in ("ada", "bob") * 5:
        add(store, owner)
    taken = [claim(store).job.owner for _ in range(3)]
    for module in (memory, sql):
        monkeypatch.setattr(module, "_now", lambda: datetime.now(UTC) + jump)
    taken += [claim(store).job.owner for _ in range(4)]
    monkeypatch.undo()
    taken += [claim(store).job.owner for _ in range(3)]
    assert taken == ["ada", "bob"] * 5
