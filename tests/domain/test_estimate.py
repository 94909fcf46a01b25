from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.makers import request
from wan_demo import catalog
from wan_demo.catalog import BUILT_IN
from wan_demo.domain.estimate import alike, expected_seconds, work
from wan_demo.domain.job import Job, Made, Progress, Status
from wan_demo.domain.request import GenerationRequest
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.jobs.times import REMEMBER_SECONDS, Times

TINY = catalog.BUNDLED
PACE = TINY.seconds_per_work or 0.0
START = datetime(2026, 1, 1, tzinfo=UTC)


def done(seconds: float, clips: int = 1, spec=TINY, **changes) -> Job:
    return Job(
        id="x",
        owner="o",
        request=request(**changes),
        status=Status.COMPLETED,
        created_at=START,
        progress=Progress(made=Made(clips=clips, seconds=seconds)),
        started_at=START,
        finished_at=START + timedelta(seconds=seconds),
    )


def expected(asked: GenerationRequest, *history: Job, spec=TINY) -> float | None:
    same = [job for job in history if alike(job.request) == alike(asked)]
    return expected_seconds(asked, spec, same, lambda: history)


def test_without_history_the_specs_own_figure_counts():
    assert expected(request()) == work(request(), TINY) * PACE
    assert expected(request(), spec=replace(TINY, seconds_per_work=None)) is None


def test_the_same_work_takes_as_long_as_before():
    history = [done(4.0), done(6.0), done(5.0), done(900.0, num_frames=33)]
    assert expected(request(), *history) == pytest.approx(5.0)


def test_other_work_scales_by_pace():
    assert expected(request(num_inference_steps=6), done(4.0)) == pytest.approx(
        4.0 * work(request(num_inference_steps=6), TINY) / work(request(), TINY)
    )


def test_more_clips_take_as_many_times_as_long():
    assert expected(request(num_videos_per_prompt=3), done(4.0)) == pytest.approx(12.0)
    assert expected(request(), done(12.0, clips=3, num_videos_per_prompt=3)) == pytest.approx(4.0)


def test_the_latest_five_count():
    now, before = [done(2.0)] * 5, [done(100.0)] * 15  # before the new card
    assert expected(request(), *now, *before) == pytest.approx(2.0)


def test_clips_that_were_taken_over_teach_nothing():
    partly = done(4.0, clips=1, num_videos_per_prompt=3)  # two of three were there already
    assert expected(request(), done(0.0, clips=0), partly) == pytest.approx(4.0)
    assert expected(request(), done(0.0, clips=0)) == work(request(), TINY) * PACE


def test_other_models_teach_nothing():
    other = done(99.0, model="wan2.2-ti2v-5b")
    assert expected(request(), other) == pytest.approx(work(request(), TINY) * PACE)


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
    assert len({alike(each) for each in more[:4]} | {alike(request(guidance_scale=1))}) == 5
    assert alike(more[4]) == alike(request(guidance_scale=1, seed=7, prompt="another"))


NOISE = st.floats(0.9, 1.1)
SAME_BUT_SEED = st.tuples(NOISE, st.integers(1, 4), st.integers(0, 2**32 - 1))
OTHER_SIZES = st.tuples(
    st.sampled_from([{"num_frames": 17}, {"width": 128}, {"num_inference_steps": 30}]),
    st.floats(0.01, 1e5),
)
"""Of the same model: what they took has nothing to do with the truth."""
TAKEN_OVER = st.just(None)
HISTORY = st.lists(st.one_of(OTHER_SIZES, TAKEN_OVER), max_size=60)


@given(
    truth=st.floats(0.5, 5e4),
    five=st.lists(SAME_BUT_SEED, min_size=5, max_size=5),
    before=HISTORY,
    between=HISTORY,
    jump=st.floats(-1e6, 1e6),
)
def test_five_jobs_of_the_same_work_are_enough_whatever_else_there_was(
    truth: float, five: list, before: list, between: list, jump: float
):
    """Within 30%, for the page's plan and for the wait in the queue, after more of other sizes
    than the table is asked for, and though the wall clock jumped in each of them."""
    store = MemoryJobStore()
    for other in before:
        _add(store, other)
    for noise, clips, seed in five:
        asked = request(seed=seed, num_videos_per_prompt=clips)
        _finish(store, asked, Made(clips=clips, seconds=truth * noise * clips), jump)
        for other in between:
            _add(store, other)
    times = Times(store, BUILT_IN)
    assert times.of(request()) == pytest.approx(truth, rel=0.3)
    assert times.lately(request(num_videos_per_prompt=2)) == pytest.approx(2 * truth, rel=0.3)


def _add(store: MemoryJobStore, other: tuple[dict, float] | None) -> None:
    if other is None:
        _finish(store, request(), Made())
    else:
        _finish(store, request(**other[0]), Made(clips=1, seconds=other[1]))


def _finish(store: MemoryJobStore, asked: GenerationRequest, made: Made, jump: float = 0.0) -> None:
    store.add(asked, "ada")
    claim = store.claim("w")
    assert claim is not None
    assert claim.job.started_at is not None
    store.report(claim, Progress(made=made))
    store.complete(claim, ())
    moved = claim.job.started_at + timedelta(seconds=jump)
    store._jobs[claim.job.id] = replace(store._jobs[claim.job.id], started_at=moved)


def test_a_queue_asks_once_in_a_while_for_each_kind_of_work(store, monkeypatch):
    now, asked = [0.0], []
    monkeypatch.setattr(store, "alike", lambda request: asked.append(request) or [])
    times = Times(store, BUILT_IN, clock=lambda: now[0])
    for seed in range(1000):
        assert times.lately(request(seed=seed, num_videos_per_prompt=1 + seed % 2))
    assert len(asked) == 1
    now[0] += REMEMBER_SECONDS
    times.lately(request())
    assert len(asked) == 2
    assert times.lately(request(model="gone")) is None


def edit(**changes) -> GenerationRequest:
    return request(task="video_to_video", strength=0.5, **changes)


def test_flow_edit_asks_for_both_prompts_and_decodes_both_clips():
    plain, twice = edit(method="renoise"), edit(method="flow_edit", n_avg=1, n_min=0)
    assert work(twice, TINY) == pytest.approx(2 * work(plain, TINY))
    assert alike(twice) != alike(plain)


def test_free_steps_ask_for_one_prompt_and_averages_for_each_noise():
    spec = replace(TINY, decode_passes=0)
    once, free = edit(method="flow_edit", n_avg=1, n_min=0), edit(method="flow_edit", n_min=2)
    steps = once.effective_steps
    assert work(free, spec) / work(once, spec) == pytest.approx((2 * steps - 2) / (2 * steps))
    assert work(edit(method="flow_edit", n_avg=3), spec) == pytest.approx(3 * work(once, spec))


@pytest.mark.parametrize(
    ("target", "source", "passes"), [(3, 3, 4), (3, 1, 3), (1, 3, 3), (1, 1, 2)]
)
def test_each_prompt_of_flow_edit_has_its_own_guidance(target, source, passes):
    spec = replace(TINY, decode_passes=0)
    plain = edit(method="renoise", guidance_scale=1)
    both = edit(method="flow_edit", guidance_scale=target, source_guidance_scale=source)
    assert work(both, spec) == pytest.approx(passes * work(plain, spec))


def test_every_window_sees_the_reference_pictures():
    """35 latent frames in two windows of 21, each with two more for the pictures."""
    spec = replace(catalog.find("wan2.1-vace-1.3b"), decode_passes=0)
    vace = {"task": "video_to_video", "method": "vace", "reference_images": ("r", "s")}
    short, long = request(num_frames=81, **vace), request(num_frames=137, **vace)
    seen = work(long, spec) / work(short, spec)
    assert seen == pytest.approx((137 + 2 * 4) / (81 + 2 * 4) * 2 * (21 + 2) / (35 + 2))


def test_frames_that_two_windows_see_count_twice():
    spec = replace(TINY, decode_passes=0)
    short, long = edit(num_frames=33), edit(num_frames=105)
    assert work(long, spec) / work(short, spec) == pytest.approx(105 / 33 * 36 / 27)
