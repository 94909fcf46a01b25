from __future__ import annotations

import pytest

from wan_demo import catalog
from wan_demo.domain.cut import Cut
from wan_demo.domain.medium import Medium
from wan_demo.domain.rules import complete
from wan_demo.errors import InvalidRequest

TINY = catalog.find("wan-tiny")
CLIP = Medium("video", 96, 96, frames=96, fps=24.0, seconds=4.0)
EDIT = {"task": "video_to_video", "prompt": "a red circle", "video": "clip.mp4"}


@pytest.mark.parametrize(
    ("cut", "seconds"),
    [
        (Cut(), 4.0),
        (Cut(1.0), 3.0),
        (Cut(1.0, 2.5), 1.5),
        (Cut(1.0, 2.0, 0.5), 2.0),
        (Cut(0.0, None, 4.0), 1.0),
        (Cut(0.0, 4.04), 4.0),
        (Cut(5.0), 0.0),
    ],
)
def test_how_long_a_cut_lasts(cut, seconds):
    assert cut.seconds(CLIP) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("given", "field", "allowed"),
    [
        ({"trim_start": 4.0}, "trim_start", "within the video, which lasts 4.00 s"),
        ({"trim_end": 4.2}, "trim_end", "within the video, which lasts 4.00 s"),
        ({"trim_start": 2.0, "trim_end": 2.0}, "trim_end", "after trim_start, 2"),
        ({"trim_start": 3.5}, "trim_start", "must leave at least 1.12 s"),
        ({"speed": 4.0}, "speed", "must leave at least 1.12 s"),
        ({"speed": 0.1}, "speed", "must be a number from 0.25 to 4"),
        ({"trim_start": float("nan")}, "trim_start", "must be a number from 0 to 1025"),
        ({"num_frames": 21, "trim_end": 2.0}, "num_frames", "at most the 16 frames"),
    ],
)
def test_a_cut_that_the_video_has_not_is_refused(given, field, allowed):
    with pytest.raises(InvalidRequest) as caught:
        complete({**EDIT, **given}, TINY, CLIP if given != {"speed": 4.0} else SHORT)
    assert caught.value.field == field
    assert allowed in str(caught.value)


SHORT = Medium("video", 96, 96, frames=48, fps=24.0, seconds=2.0)


@pytest.mark.parametrize(
    ("given", "frames"),
    [
        ({}, 29),  # of 32
        ({"trim_start": 2.0}, 13),
        ({"speed": 0.5}, 33),  # as many as are made at once
        ({"speed": 0.5, "trim_end": 4.0}, 61),  # an end that was chosen is kept
        ({"speed": 2.0}, 13),
        ({"num_frames": 25}, 25),
    ],
)
def test_a_clip_is_as_long_as_its_source(given, frames):
    assert complete({**EDIT, **given}, TINY, CLIP).num_frames == frames


@pytest.mark.parametrize("speed", [1e-320, 5e-324, 0, -1, 1e308, float("nan")])
def test_a_speed_that_nothing_can_have_is_refused_by_its_name(speed):
    with pytest.raises(InvalidRequest, match=r"^speed: must be a number from 0\.25 to 4;"):
        complete({**EDIT, "speed": speed}, TINY, CLIP)
