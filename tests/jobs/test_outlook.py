from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.makers import request
from wan_demo.domain.job import Job
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.jobs.outlook import Outlook, Place


class Counted(MemoryJobStore):
    """A store that counts the looks at its queue."""

    looks = 0

    def active(self) -> Sequence[Job]:
        self.looks += 1
        return super().active()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now


def ten_seconds(jobs: Sequence[Job]) -> Sequence[float | None]:
    return [None if "unknown" in job.request.prompt else 10.0 for job in jobs]


class TestOutlook:
    def setup_method(self) -> None:
        self.store, self.clock = Counted(), Clock()
        self.outlook = Outlook(self.store, ten_seconds, seconds=0.5, clock=self.clock)

    def add(self, owner: str, prompt: str = "a fox") -> Job:
        job = self.store.add(request(prompt=prompt), owner)
        self.outlook.changed(owner)
        return job

    def test_two_hundred_pages_look_once(self):
        jobs = [self.add(f"owner{index}") for index in range(200)]
        self.clock.now += 0.1
        for index, job in enumerate(jobs):
            assert self.outlook.place(job) == Place(index, 10.0 * index)
            assert self.outlook.end(job.owner) == Place(200, 2000.0)
        assert self.store.looks == 1

    def test_what_others_did_is_seen_half_a_second_later(self):
        mine = self.add("ada")
        assert self.outlook.end("ada").ahead == 1
        self.add("bob")
        assert self.outlook.end("ada").ahead == 1
        self.clock.now += 0.5
        assert self.outlook.end("ada").ahead == 2
        assert self.outlook.place(mine).ahead == 0

    def test_ones_own_doing_is_seen_at_once(self):
        first, second = self.add("ada"), self.add("ada")
        assert self.outlook.place(second) == Place(1, 10.0)
        self.store.cancel(first.id)
        self.outlook.changed("ada")
        assert self.outlook.place(second) == Place(0, 0.0)
        assert self.outlook.end("ada").ahead == 1
        looks = self.store.looks
        assert self.outlook.end("ada").ahead == 1
        assert self.store.looks == looks

    def test_a_job_that_no_look_has_seen_brings_a_new_one(self):
        self.add("ada")
        assert self.outlook.end().ahead == 1
        job = self.store.add(request(), "bob")  # by another process
        assert self.outlook.place(job) == Place(1, 10.0)

    def test_a_time_that_is_not_known_makes_every_later_one_unknown(self):
        first, second, third = self.add("a"), self.add("b", "unknown"), self.add("c")
        places = [self.outlook.place(job) for job in (first, second, third)]
        assert [place.seconds for place in places] == [0.0, 10.0, None]
        assert self.outlook.end() == Place(3, None)

    def test_who_changed_something_long_ago_is_forgotten(self):
        for index in range(50):
            self.add(f"owner{index}")
        self.clock.now += 1
        self.outlook.end()
        assert self.outlook._changed == {}

    def test_many_threads_share_a_look(self):
        job = self.add("ada")
        with ThreadPoolExecutor(8) as pool:
            places = list(pool.map(lambda _: self.outlook.place(job), range(100)))
        assert places == [Place(0, 0.0)] * 100
        assert self.store.looks == 1
