from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.makers import noise, quarters
from wan_demo.media.fit import cover, flat_share, nearest_in_time, stack


@given(st.tuples(st.integers(1, 300), st.integers(1, 300)))
def test_cover_fills_any_size(size):
    assert cover(Image.new("RGB", size), (96, 64)).size == (96, 64)


def test_cover_keeps_a_circle_round():
    circle = Image.fromarray(quarters((200, 100)))
    square = np.asarray(cover(circle, (64, 64)))
    assert (square[10, 31] != square[10, 32]).any()  # the middle stays the middle
    assert (square[31, 10] != square[32, 10]).any()


@given(
    gaps=st.lists(st.floats(0.001, 2), min_size=1, max_size=40),
    count=st.integers(1, 40),
    fps=st.integers(1, 60),
)
def test_the_frame_shown_at_each_moment_is_chosen(gaps, count, fps):
    times = [0.0, *np.cumsum(gaps)]
    chosen = nearest_in_time(times, count, fps)
    assert len(chosen) == count
    assert chosen == sorted(chosen)
    for moment, index in enumerate(chosen):
        assert times[index] <= moment / fps + 1e-5
        assert index == len(times) - 1 or times[index + 1] > moment / fps - 1e-5


def test_flat_share_is_of_plain_color():
    assert flat_share(Image.new("RGB", (96, 96), "red")) == 1
    assert flat_share(Image.fromarray(quarters((96, 96)))) > 0.9
    assert flat_share(noise((96, 96))) < 0.2


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_stack_makes_rgb(mode):
    assert stack([Image.new(mode, (8, 6))] * 2).shape == (2, 6, 8, 3)
