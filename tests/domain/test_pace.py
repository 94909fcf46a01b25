from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.test_estimate import done
from wan_demo.domain.job import Made, Progress
from wan_demo.domain.pace import Pace, Stopwatch, learned

STEPS = 10


class Clip:
    """A clip of known times, on a clock of its own."""

    def __init__(self, known: Pace | None = None, clips: int = 1, decode_steps: float = 2) -> None:
        self.now = 1000.0
        self.watch = Stopwatch(clips, decode_steps, known, clock=lambda: self.now)

    def run(self, head: float, step: float, tail: float, load: float = 0, clip: int = 0) -> None:
        """Its estimates are collected as (what it said, what was true)."""
        self.said: list[tuple[float | None, float]] = []
        self.watch.begin()
        self.watch.prepares()
        self.watch.prepares()
        self.now += load
        self.watch.prepared()
        self.now += head
        for index in range(1, STEPS + 1):
            self.now += step
            self.watch.step(index, STEPS)
            self.said.append((self.watch.left(clip, index), (STEPS - index) * step + tail))
        self.now += tail / 2
        self.said.append((self.watch.left(clip, STEPS), tail / 2))
        self.now += tail / 2
        self.watch.end()


def test_it_times_the_clip_and_not_the_loading():
    clip = Clip()
    clip.run(head=2, step=3, tail=5, load=100)
    made = clip.watch.made
    assert (made.clips, made.seconds) == (1, pytest.approx(2 + 10 * 3 + 5))
    assert made.step_seconds == pytest.approx(3)
    assert made.tail_seconds == pytest.approx(5)
    assert clip.watch.preparing_seconds == pytest.approx(100)


def test_several_clips_are_timed_together():
    clip = Clip(clips=3)
    clip.run(head=2, step=3, tail=4, load=50)
    clip.run(head=0, step=3, tail=8, clip=1)
    made = clip.watch.made
    assert (made.clips, made.seconds) == (2, pytest.approx(2 + 30 + 4 + 30 + 8))
    assert made.tail_seconds == pytest.approx(6)


def test_with_nothing_known_the_second_step_tells():
    clip = Clip(decode_steps=2)
    clip.run(head=2, step=3, tail=6)
    assert clip.said[0][0] is None
    assert clip.said[1][0] == pytest.approx(clip.said[1][1])


@given(
    step=st.floats(0.01, 100),
    tail=st.floats(0.0, 1000),
    noise=st.lists(st.tuples(st.floats(0.9, 1.1), st.floats(0.9, 1.1)), min_size=5, max_size=5),
)
def test_after_five_jobs_the_time_left_is_within_30_percent_from_the_first_step_on(
    step: float, tail: float, noise: list[tuple[float, float]]
):
    before = []
    for of_step, of_tail in noise:
        clip = Clip(decode_steps=0.01)  # the spec's own figure may be far off
        clip.run(head=1, step=step * of_step, tail=tail * of_tail)
        before.append(replace(done(1.0), progress=Progress(made=clip.watch.made)))
    clip = Clip(learned(before), decode_steps=0.01)
    clip.run(head=1, step=step, tail=tail)
    for said, truth in clip.said[:-1]:
        assert said == pytest.approx(truth, rel=0.3)
    assert clip.said[-1][0] == pytest.approx(tail / 2, abs=0.3 * tail + 1e-6)


def test_the_end_of_a_clip_never_takes_less_than_nothing():
    clip = Clip(Pace(step_seconds=1, tail_seconds=1))
    clip.run(head=0, step=1, tail=50)
    assert clip.said[-1][0] == 0


def test_clips_that_are_still_to_come_count():
    clip = Clip(Pace(step_seconds=1, tail_seconds=5), clips=2)
    clip.run(head=0, step=1, tail=5)
    assert clip.said[4][0] == pytest.approx(5 + 5 + 10 + 5)


def test_only_what_was_timed_teaches():
    adopted = replace(done(1.0), progress=Progress(made=Made()))
    assert learned([]) is None
    assert learned([adopted]) is None
    made = Made(clips=1, seconds=9, step_seconds=2, tail_seconds=3)
    timed = replace(done(1.0), progress=Progress(made=made))
    assert learned([adopted, timed]) == Pace(2, 3)
