"""Many people at once, in the small: counts and order, never seconds. The large: ``make load``."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from tests.e2e.conftest import running_server
from tests.load.crowd import crowd
from tests.load.order import most_open, most_overtaken
from tests.load.table import every_job, spans, turns
from tests.makers import until
from wan_demo.domain.job import Status
from wan_demo.media.folder import DataFolder

PEOPLE, CALLS, MOST_WAITING = 20, 5, 60
GRADIOS_OWN_PLACES = 40
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_hundred_calls_of_twenty_people_all_end_and_none_is_lost(tmp_path):
    quick = ("--engine", "fake", "--fake-step-seconds", "0.05")
    folder = DataFolder(tmp_path / "data")
    with running_server(tmp_path, *quick, "--max-waiting", f"{MOST_WAITING}") as address:
        calls, answers = asyncio.run(crowd(address, PEOPLE, CALLS, leaving=2))
        until(lambda: all(job.status.is_final for job in every_job(folder)))
        jobs = every_job(folder)
    made = [call for call in calls if call.video]
    refused = [call for call in calls if call.sentence]
    assert len(calls) == PEOPLE * CALLS
    assert not [call for call in calls if bool(call.video) == bool(call.sentence)]
    assert {call.sentence for call in refused} <= {
        f"{MOST_WAITING} jobs are waiting and the limit is {MOST_WAITING}. "
        "Try again when some are done."
    }
    mine = {job.id: job for job in jobs if job.request.prompt.startswith("load ")}
    assert sorted(mine) == sorted(str(call.job) for call in made)
    assert {job.status for job in jobs} == {Status.COMPLETED}
    names = [job.outputs[0].file for job in jobs]
    assert all(folder.video(name).stat().st_size for name in names)
    assert len(set(names)) == len(jobs)
    assert answers.page
    assert answers.poll
    assert GRADIOS_OWN_PLACES < most_open(spans(jobs)) <= MOST_WAITING + 1
    assert most_overtaken(turns(jobs)) <= 2


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_the_measure_of_fairness_tells_turns_from_first_come():
    in_turns = [
        (owner, at(0), at(10 * turn + place))
        for turn in range(5)
        for place, owner in enumerate("abc")
    ]
    first_come = [
        (owner, at(0), at(10 * place + turn))
        for turn in range(5)
        for place, owner in enumerate("abc")
    ]
    assert most_overtaken(in_turns) == 1
    assert most_overtaken(first_come) == 5
    assert most_overtaken([*in_turns, ("late", at(100), at(101))]) == 1
    assert most_open([(at(0), at(2)), (at(1), at(3)), (at(4), at(5))]) == 2
