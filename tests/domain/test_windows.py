from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_demo.domain.windows import OVERLAP, latent_frames, spans, weights

LENGTHS = st.integers(1, 260)
WINDOWS = st.integers(2, 31)


@given(LENGTHS, WINDOWS)
def test_windows_cover_everything_and_share_a_third(length, window):
    found = spans(length, window)
    assert {index for span in found for index in span} == set(range(length))
    for one, other in itertools.pairwise(found):
        assert len(one) == len(other) == window
        assert one.stop - other.start >= max(1, int(window * OVERLAP))


@given(LENGTHS, WINDOWS)
def test_every_frame_counts_and_the_ends_in_full(length, window):
    found = spans(length, window)
    faded = weights(found)
    total = [0.0] * length
    for span, one in zip(found, faded, strict=True):
        assert all(0 <= weight <= 1 for weight in one)
        for index, weight in zip(span, one, strict=True):
            total[index] += weight
    assert all(each > 0 for each in total)
    assert faded[0][0] == 1
    assert faded[-1][-1] == 1


def test_one_fades_out_as_the_next_fades_in():
    found = spans(27, 9)
    assert [(span.start, span.stop) for span in found] == [(0, 9), (6, 15), (12, 21), (18, 27)]
    first, second = weights(found)[:2]
    assert [a + b for a, b in zip(first[6:], second[:3], strict=True)] == pytest.approx([1, 1, 1])
    assert second[0] == 0
    assert set(second[3:6]) == {1}


@pytest.mark.parametrize(("frames", "latents"), [(1, 1), (5, 2), (33, 9), (81, 21)])
def test_the_first_latent_stands_for_one_frame(frames, latents):
    assert latent_frames(frames) == latents
