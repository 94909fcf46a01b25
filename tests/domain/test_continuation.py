"""Going on from a video: what is filled in, what is refused, how long the clip is."""

from __future__ import annotations

import pytest

from wan_demo import catalog
from wan_demo.domain.edit import Direction, Sound
from wan_demo.domain.medium import Medium
from wan_demo.domain.rules import complete
from wan_demo.errors import InvalidRequest

TINY, PAIR = catalog.BUNDLED, catalog.find("wan2.1-flf2v-14b-720p")
VIDEO = Medium("video", 96, 64, frames=48, fps=24, seconds=2.0)


def given(**changes):
    return {"task": "image_to_video", "video": "v", "fps": 8, "num_frames": 9, **changes}


def refusal(**changes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        complete(given(**changes), TINY, VIDEO)
    return refused.value


def test_the_clip_is_the_video_and_what_is_made_without_the_frame_of_both():
    made = complete(given(), TINY, VIDEO)
    assert (made.speed, made.direction, made.sound) == (1.0, Direction.FORWARD, Sound.KEEP)
    assert (made.trim_end, made.frames_before) == (2.0, 15)
    assert (made.num_frames, made.played_frames, made.played_seconds) == (9, 24, 3.0)
    assert made.strength is None


def test_it_is_as_long_as_the_model_makes_and_of_the_videos_ratio():
    made = complete({"task": "image_to_video", "video": "v"}, TINY, VIDEO)
    assert made.num_frames == TINY.defaults.num_frames
    assert (made.width, made.height) == (112, 80)


@pytest.mark.parametrize(
    ("changes", "before"),
    [
        ({"trim_start": 1.0}, 7),
        ({"trim_end": 0.5}, 3),
        ({"speed": 2.0}, 7),
        ({"trim_start": 0.5, "trim_end": 1.5, "speed": 0.5, "direction": "reversed"}, 15),
        ({"trim_start": 1.99}, 0),
    ],
)
def test_its_cut_and_speed_count(changes, before):
    made = complete(given(**changes), TINY, VIDEO)
    assert made.frames_before == before
    assert made.played_frames == before + 9


def test_seconds_are_those_of_the_new_part():
    made = complete({**given(duration=0.7), "num_frames": None}, TINY, VIDEO)
    assert made.num_frames == 9
    assert made.played_frames == 15 + 6
    assert made.played_seconds == pytest.approx(15 / 8 + 0.7)


def test_a_request_that_was_kept_is_the_same_without_its_video():
    made = complete(given(), TINY, VIDEO)
    assert complete(made.given(), TINY, VIDEO) == made
    assert type(made).model_validate_json(made.model_dump_json()).played_frames == 24


def test_a_last_image_may_end_it():
    made = complete(
        {"task": "image_to_video", "video": "v", "last_image": "i"},
        PAIR,
        VIDEO,
    )
    assert made.continues


def test_an_image_beside_the_video_is_refused():
    error = refusal(image="/tmp/secret/a.png")
    assert str(error) == (
        "image: can't be given together with video; leave one of the two out; got 'a.png'."
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"mask": "m"}, "mask"),
        ({"strength": 0.5}, "strength"),
        ({"method": "renoise"}, "method"),
        ({"colors": "source"}, "colors"),
        ({"trim_start": 2.5}, "trim_start"),
        ({"trim_end": 9.0}, "trim_end"),
        ({"last_image": "i"}, "last_image"),
        ({"num_frames": 10}, "num_frames"),
    ],
)
def test_what_it_does_not_take_is_refused(changes, field):
    assert refusal(**changes).field == field


def test_a_video_without_room_for_more_is_refused_with_where_to_begin():
    long = Medium("video", 96, 64, frames=3200, fps=16, seconds=200.0)
    with pytest.raises(InvalidRequest) as refused:
        complete(given(), TINY, long)
    error = refused.value
    assert error.field == "trim_start"
    assert "as a clip has at most 1,025 frames" in str(error)
    (least,) = error.nearest
    made = complete(given(trim_start=least), TINY, long)
    assert made.played_frames == 1025
    with pytest.raises(InvalidRequest):
        complete(given(trim_start=float(least) - 0.2), TINY, long)


def test_without_a_video_its_fields_are_none_of_the_tasks():
    image = Medium("image", 96, 64)
    with pytest.raises(InvalidRequest, match="trim_start: is not used by image_to_video"):
        complete({"task": "image_to_video", "image": "i", "trim_start": 1.0}, TINY, image)


@pytest.mark.parametrize("spec", [TINY, PAIR, catalog.find("wan2.2-ti2v-5b")])
def test_a_last_image_without_a_first_one_is_refused(spec):
    """Whether the model takes a last one or not: the first one comes first."""
    with pytest.raises(InvalidRequest, match=r"^image: is needed for image_to_video"):
        complete({"task": "image_to_video", "last_image": "/tmp/b.png"}, spec)


@pytest.mark.parametrize("model", ["wan-tiny", "wan2.1-i2v-14b-480p", "wan2.2-ti2v-5b"])
def test_models_that_know_no_last_image_say_so(model):
    with pytest.raises(InvalidRequest) as refused:
        complete(
            {"task": "image_to_video", "image": "/tmp/a.png", "last_image": "/tmp/b.png"},
            catalog.find(model),
        )
    assert str(refused.value) == (
        f"last_image: is not used by image_to_video with {model}; got 'b.png'."
    )
