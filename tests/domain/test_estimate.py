from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.makers import request
from wan_demo import catalog
from wan_demo.domain.estimate import expected_seconds, work
from wan_demo.domain.job import Job, Status

TINY = catalog.BUNDLED
PACE = TINY.seconds_per_work or 0.0
START = datetime(2026, 1, 1, tzinfo=UTC)


def done(seconds: float, **changes) -> Job:
    return Job(
        id="x",
        owner="o",
        request=request(**changes),
        status=Status.COMPLETED,
        created_at=START,
        started_at=START,
        finished_at=START + timedelta(seconds=seconds),
    )


def test_without_history_the_specs_own_figure_counts():
    assert expected_seconds(request(), TINY, []) == work(request(), TINY) * PACE
    assert expected_seconds(request(), replace(TINY, seconds_per_work=None), []) is None


def test_the_same_work_takes_as_long_as_before():
    history = [done(4.0), done(6.0), done(5.0), done(900.0, num_frames=33)]
    assert expected_seconds(request(), TINY, history) == pytest.approx(5.0)


def test_other_work_scales_by_pace():
    expected = expected_seconds(request(num_videos_per_prompt=2), TINY, [done(4.0)])
    assert expected == pytest.approx(8.0)


def test_other_models_and_unfinished_jobs_teach_nothing():
    other = done(99.0, model="wan2.2-ti2v-5b")
    waiting = replace(done(1.0), started_at=None)
    assert expected_seconds(request(), TINY, [other, waiting]) == pytest.approx(
        work(request(), TINY) * PACE
    )


def test_work_grows_with_everything_that_costs_time():
    least = work(request(guidance_scale=1), TINY)
    more = [
        request(guidance_scale=2),
        request(guidance_scale=1, num_inference_steps=6),
        request(guidance_scale=1, num_frames=17),
        request(guidance_scale=1, width=128),
        request(guidance_scale=1, num_videos_per_prompt=2),
    ]
    assert all(work(each, TINY) > least for each in more)
