from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_demo import catalog
from wan_demo.domain.size import fit_frames, fit_ratio, nearest_frames, nearest_sides, snap

TINY = catalog.find("wan-tiny").limits
SPECS = st.sampled_from(catalog.MODELS)


@given(ratio=st.floats(0.02, 50), spec=SPECS, share=st.floats(0.05, 1))
def test_a_fitted_size_is_always_allowed(ratio, spec, share):
    limits = spec.limits
    for side in fit_ratio(ratio, int(limits.max_area * share), limits):
        assert nearest_sides(side, limits) == (side,)
    width, height = fit_ratio(ratio, limits.max_area, limits)
    assert width * height <= limits.max_area


@given(spec=SPECS, ratio=st.floats(0.55, 1.8))
def test_a_common_ratio_loses_little_to_cropping(spec, ratio):
    width, height = fit_ratio(ratio, spec.defaults.size[0] * spec.defaults.size[1], spec.limits)
    off = max(width / height / ratio, ratio * height / width)
    assert off < 1.2


@pytest.mark.parametrize("spec", catalog.MODELS, ids=lambda spec: spec.id)
def test_the_default_ratio_gives_a_size_near_the_default(spec):
    width, height = spec.defaults.size
    found = fit_ratio(width / height, width * height, spec.limits)
    assert found[0] * found[1] == pytest.approx(width * height, rel=0.1)


@pytest.mark.parametrize(
    ("value", "expected"), [(63, 64), (71, 64), (73, 80), (999, 128), (-5, 64)]
)
def test_snap_takes_the_nearest_multiple_in_range(value, expected):
    assert snap(value, 16, 64, 128) == expected


def test_snap_keeps_to_multiples_where_the_bounds_are_none():
    assert snap(0, 16, 50, 100) == 64
    assert snap(999, 16, 50, 100) == 96


@pytest.mark.parametrize(
    ("side", "expected"),
    [(96, (96,)), (97, (96, 112)), (10, (64,)), (500, (128,)), (127, (112, 128))],
)
def test_nearest_sides(side, expected):
    assert nearest_sides(side, TINY) == expected


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (17, (17,)),
        (18, (17, 21)),
        (16, (13, 17)),
        (1, (9,)),
        (-4, (9,)),
        (40, (33,)),
        (32, (29, 33)),
    ],
)
def test_nearest_frames(frames, expected):
    assert nearest_frames(frames, TINY) == expected


@given(frames=st.integers(-(10**6), 10**6), spec=SPECS)
def test_fitted_frames_are_4k_plus_1_and_never_more_than_there_are(frames, spec):
    fitted = fit_frames(frames, spec.limits)
    assert fitted % 4 == 1
    assert spec.limits.min_frames <= fitted <= spec.limits.max_frames
    assert fitted <= max(frames, spec.limits.min_frames)
