"""What is told of a medium before it is used."""

from __future__ import annotations

from typing import Any

import pytest

from tests.makers import request
from wan_demo.domain.changes import changes
from wan_demo.domain.medium import Medium


def told(medium: dict[str, Any], **asked: Any) -> list[str]:
    """What is said of a video like the clip that is made of it, but for some of it."""
    own: dict[str, Any] = {"width": 64, "height": 64, "fps": 8.0, "frames": 17, "seconds": 2.1}
    video = Medium(**{"kind": "video", "sound": "heard", **own, **medium})
    edit = {"task": "video_to_video", "method": "renoise", "sound": "keep", "fit": "crop"}
    return changes(request(**{**edit, **asked}), video)


def test_of_a_video_that_loses_nothing_nothing_is_said():
    assert told({}) == []
    assert changes(request(), None) == []


def test_of_a_picture_that_moves_it_is_told_that_one_is_used():
    picture = Medium(kind="image", width=64, height=64, frames=12)
    asked = request(task="image_to_video", image="a.gif", width=64, height=64)
    assert changes(asked, picture) == ["Your picture has 12 frames, of which the first is used."]
    assert changes(asked, Medium(kind="image", width=64, height=64)) == []


def test_sound_that_will_not_be_there_is_told_before():
    assert told({"sound": "none"}) == ["Your video has no sound, so the clip has none."]
    (said,) = told({"sound": "unreadable"})
    assert said == "Your video's sound can't be read: the clip will have none."
    assert told({"sound": "unreadable"}, sound="none") == []


@pytest.mark.parametrize(
    ("fps", "speed", "said"),
    [
        (30.0, 1, "has 30 frames a second and the clip 8: one in 3.8 is used, at the same pace."),
        (29.97, 2, "has 30 frames a second and the clip 8: one in 7.5 is used, at 2× speed."),
        (4.0, 1, "has 4 frames a second and the clip 8: each is shown 2 times, at the same pace."),
        (8.0, 0.5, "and the clip 8: each is shown 2 times, at 0.5× speed."),
        (16.0, 0.5, None),
        (8.3, 1, None),
    ],
)
def test_frames_that_are_left_out_or_held_are_told(fps, speed, said):
    found = told({"fps": fps}, speed=speed)
    assert len(found) == (said is not None)
    assert said is None or found[0].endswith(said)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((128, 64), "50% of your video is cut off at the sides; padded, it would be seen whole."),
        ((64, 80), "20% of your video is cut off at the top and bottom;"),
        ((68, 64), None),
    ],
)
def test_what_is_cut_off_is_told_unless_it_is_padded(size, said):
    medium = {"width": size[0], "height": size[1]}
    found = told(medium)
    assert len(found) == (said is not None)
    assert said is None or found[0].startswith(said)
    assert told(medium, fit="pad") == []


def test_a_picture_has_neither_pace_nor_sound():
    picture = Medium("image", 128, 64)
    (said,) = changes(request(task="image_to_video"), picture)
    assert said.startswith("50% of your image is cut off")
