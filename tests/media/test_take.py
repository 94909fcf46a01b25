from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.makers import request
from wan_demo.domain.edit import Direction, Fit
from wan_demo.media.take import HAIR, Take


def shown(times: list[float], moments: list[float]) -> list[int]:
    """The frame that is shown at each moment."""
    return [int(found) - 1 for found in np.searchsorted(times, moments, side="right")]


def take(num_frames: int, fps: float, **changes) -> Take:
    return Take((64, 64), num_frames, fps, **changes)


FOUR_A_SECOND = [index / 4 for index in range(12)]
"""Three seconds."""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"start": 1.0}, [4, 5, 6, 7, 8]),
        ({"start": 1.0, "speed": 2.0}, [4, 6, 8, 10, 11]),
        ({"start": 1.0, "end": 2.0, "speed": 0.5}, [4, 4, 5, 5, 6]),
        ({"start": 1.0, "end": 1.5}, [4, 5, 5, 5, 5]),
        ({"is_reversed": True}, [11, 10, 9, 8, 7]),
        ({"is_reversed": True, "end": 2.0}, [7, 6, 5, 4, 3]),
        ({"is_reversed": True, "end": 2.0, "start": 1.5}, [7, 6, 6, 6, 6]),
        ({"is_reversed": True, "speed": 2.0}, [11, 9, 7, 5, 3]),
        ({"end": 90.0, "start": 2.5}, [10, 11, 11, 11, 11]),
    ],
)
def test_a_part_is_taken_at_its_speed_and_either_way_round(changes, expected):
    assert shown(FOUR_A_SECOND, take(5, 4, **changes).moments(3.0)) == expected


def test_times_rounded_to_milliseconds_lose_no_frame():
    """Matroska's: 0.042 for the second of 24 a second, where the wanted moment is 0.041667."""
    times = [round(index / 24, 3) for index in range(24)]
    assert shown(times, take(24, 24).moments(1.0)) == list(range(24))
    assert shown(times, take(24, 24, is_reversed=True).moments(1.0)) == list(range(23, -1, -1))


@given(
    gaps=st.lists(st.floats(0.01, 2), min_size=1, max_size=40),
    num_frames=st.integers(1, 40),
    fps=st.integers(1, 60),
    speed=st.floats(0.25, 4),
    is_reversed=st.booleans(),
)
def test_the_frame_shown_at_each_moment_is_taken(gaps, num_frames, fps, speed, is_reversed):
    times = [0.0, *(float(time) for time in np.cumsum(gaps))]
    seconds = times[-1] + 0.1
    moments = take(num_frames, fps, speed=speed, is_reversed=is_reversed).moments(seconds)
    chosen = shown(times, moments)
    assert chosen == sorted(chosen, reverse=is_reversed)
    for place, index in enumerate(chosen):
        passed = place / fps * speed
        wanted = max(seconds - passed, 0) if is_reversed else min(passed, seconds)
        assert times[index] <= wanted + 2 * HAIR
        assert index == len(times) - 1 or times[index + 1] > wanted - 2 * HAIR


def test_a_take_is_of_a_request():
    found = Take.of(
        request(
            trim_start=1.5, trim_end=4, speed=2, direction=Direction.REVERSED, fit=Fit.PAD, fps=12
        )
    )
    assert found == Take((64, 64), 9, 12, 1.5, 4.0, 2.0, True, Fit.PAD)
    assert Take.of(request()) == Take((64, 64), 9, 8)


def test_a_take_comes_back_from_json():
    one = take(9, 8, start=1.0, fit=Fit.PAD)
    assert Take.told(json.loads(json.dumps(asdict(one)))) == one
