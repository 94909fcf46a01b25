from __future__ import annotations

import pytest

from wan_demo import catalog
from wan_demo.domain.edit import Colors, Direction, Fit, Guide, Method, Sound
from wan_demo.domain.medium import Medium
from wan_demo.domain.rules import complete
from wan_demo.errors import InvalidRequest

TINY, VACE = catalog.find("wan-tiny"), catalog.find("wan2.1-vace-1.3b")
CLIP = Medium("video", 128, 96, frames=120, fps=24.0, seconds=5.0)
EDIT = {"task": "video_to_video", "prompt": "a red circle", "video": "clip.mp4"}


def completed(spec=TINY, over: Medium | None = None, **given: object):
    return complete({**EDIT, **given}, spec, CLIP, over)


def test_what_is_left_open_is_the_usual_way():
    request = completed()
    assert (request.method, request.strength) == (Method.RENOISE, TINY.defaults.strength)
    assert request.guidance_scale == TINY.defaults.guidance_scale
    assert (request.fit, request.sound, request.colors) == (Fit.CROP, Sound.KEEP, Colors.PROMPT)
    assert (request.speed, request.direction) == (1.0, Direction.FORWARD)
    assert (request.source_prompt, request.n_min, request.n_avg, request.guide) == (None,) * 4


def test_another_method_has_defaults_of_its_own():
    request = completed(method="flow_edit")
    edit = TINY.defaults.edit
    assert (request.strength, request.guidance_scale) == (edit.strength, edit.guidance_scale)
    assert (request.source_prompt, request.n_min, request.n_avg) == ("", 0, 1)
    assert request.source_guidance_scale == request.guidance_scale
    assert completed(method="flow_edit", guidance_scale=3.0).source_guidance_scale == 3.0


def test_vace_follows_the_video_or_fills_the_mask():
    mask = Medium("mask", 128, 96)
    assert completed(VACE).method is Method.VACE
    assert completed(VACE).guide is Guide.VIDEO
    assert completed(VACE, mask, mask="mask.png").guide is Guide.BLANK


def test_control_goes_with_reference_pictures_as_with_a_video():
    text = {"task": "text_to_video", "prompt": "a dog", "reference_images": ["dog.png"]}
    assert complete(text, VACE).conditioning_scale == VACE.defaults.conditioning_scale
    assert complete({**text, "conditioning_scale": 0.4}, VACE).conditioning_scale == 0.4
    assert completed(VACE).conditioning_scale == VACE.defaults.conditioning_scale
    with pytest.raises(InvalidRequest, match="is not used by text_to_video with wan-tiny"):
        complete({"task": "text_to_video", "prompt": "a", "conditioning_scale": 0.4}, TINY)


@pytest.mark.parametrize("spec", [TINY, VACE], ids=["renoise", "vace"])
def test_an_edit_may_be_longer_than_what_is_made_at_once(spec):
    long = Medium("video", 128, 96, frames=2400, fps=24.0, seconds=100.0)
    request = complete({**EDIT, "num_frames": 161}, spec, long)
    assert request.num_frames == 161
    assert complete(EDIT, spec, long).num_frames == spec.limits.max_frames
    with pytest.raises(InvalidRequest, match="num_frames"):
        complete({"task": "text_to_video", "prompt": "a", "num_frames": 161}, spec)


@pytest.mark.parametrize(
    ("spec", "given", "field", "allowed"),
    [
        (TINY, {"method": "vace"}, "method", "must be one of renoise, flow_edit for wan-tiny"),
        (VACE, {"method": "renoise"}, "method", "must be one of vace"),
        (TINY, {"method": "magic"}, "method", "must be one of renoise, flow_edit, vace"),
        (TINY, {"n_avg": 2}, "n_avg", "not used by the method renoise, but by flow_edit"),
        (TINY, {"source_prompt": "a star"}, "source_prompt", "but by flow_edit"),
        (
            TINY,
            {"guide": "edges"},
            "guide",
            "is not used by video_to_video with wan-tiny; got 'edges'",
        ),
        (VACE, {"strength": 0.5}, "strength", "is not used by video_to_video"),
        (TINY, {"method": "flow_edit", "n_min": 9, "strength": 0.5}, "n_min", "at most the 6"),
        (TINY, {"method": "flow_edit", "n_avg": 9}, "n_avg", "from 1 to 8"),
        (TINY, {"prompt": " "}, "prompt", "must say what the video shows"),
        (TINY, {"video": None}, "video", "is needed for video_to_video"),
    ],
)
def test_what_does_not_go_together_is_refused(spec, given, field, allowed):
    with pytest.raises(InvalidRequest) as caught:
        completed(spec, **given)
    assert caught.value.field == field
    assert allowed in str(caught.value)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(
        InvalidRequest, match="must have the size of the video, 128x96; got '64x96'"
    ):
        completed(TINY, Medium("mask", 64, 96), mask="mask.png")
    assert completed(TINY, Medium("mask", 128, 96), mask="mask.png").mask == "mask.png"


@pytest.mark.parametrize("field", ["method", "mask", "trim_start", "speed", "sound", "colors"])
def test_other_tasks_know_nothing_of_it(field):
    value = {"trim_start": 1.0, "speed": 2.0, "method": "renoise", "sound": "none"}.get(field, "x")
    value = "source" if field == "colors" else value
    with pytest.raises(InvalidRequest, match="is not used by text_to_video"):
        complete({"task": "text_to_video", "prompt": "a star", field: value}, TINY)
