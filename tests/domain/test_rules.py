from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from wan_demo import catalog
from wan_demo.domain.control import control
from wan_demo.domain.medium import Medium
from wan_demo.domain.memory import Precision, Profile
from wan_demo.domain.request import MAX_SEED, GenerationRequest, Task
from wan_demo.domain.rules import complete
from wan_demo.domain.scheduler import Scheduler
from wan_demo.errors import InvalidRequest

TINY = catalog.find("wan-tiny")
LARGE = catalog.find("wan2.2-ti2v-5b")
DISTILLED = catalog.find("fastwan2.2-ti2v-5b")

PHOTO = Medium("image", 400, 300)
CLIP = Medium("video", 160, 90, frames=60, fps=30.0, seconds=2.0)


def text(**changes: Any) -> dict[str, Any]:
    return {"task": "text_to_video", "prompt": "a red circle", **changes}


def image(**changes: Any) -> dict[str, Any]:
    return {"task": "image_to_video", "image": "photo.png", **changes}


def video(**changes: Any) -> dict[str, Any]:
    return {"task": "video_to_video", "prompt": "a red circle", "video": "clip.mp4", **changes}


def refusal(given: dict[str, Any], spec=TINY, medium: Medium | None = None) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        complete(given, spec, medium)
    return caught.value


def refused(given: dict[str, Any], spec) -> InvalidRequest | None:
    """The refusal of a request, or None where it is accepted; anything else is raised."""
    try:
        complete(given, spec)
    except InvalidRequest as error:
        return error
    return None


def test_what_is_left_open_takes_the_models_defaults():
    request = complete(text(), TINY)
    defaults = TINY.defaults
    assert (request.width, request.height) == defaults.size
    assert request.num_frames == defaults.num_frames
    assert request.fps == defaults.fps
    assert request.num_inference_steps == defaults.num_inference_steps
    assert request.guidance_scale == defaults.guidance_scale
    assert request.num_videos_per_prompt == 1
    assert request.strength is None


def test_none_means_the_default():
    given = text(width=None, height=None, seed=None, negative_prompt=None, image=None)
    assert complete(given, TINY).width == TINY.defaults.size[0]


def test_a_given_value_is_never_changed():
    given = text(width=112, height=64, num_frames=33, fps=12, num_inference_steps=7, seed=5)
    request = complete(given, TINY)
    assert {name: getattr(request, name) for name in given} == given


def test_an_absent_seed_is_drawn_anew():
    seeds = {complete(text(), TINY).seed for _ in range(5)}
    assert len(seeds) == 5
    assert all(0 <= seed <= MAX_SEED for seed in seeds)


@pytest.mark.parametrize("open_field", [{}, {"negative_prompt": ""}, {"negative_prompt": " \n"}])
def test_the_negative_prompt_of_the_model_is_in_effect_where_the_field_is_empty(open_field):
    assert LARGE.defaults.negative_prompt
    assert complete(text(**open_field), LARGE).negative_prompt == LARGE.defaults.negative_prompt
    assert complete(text(**open_field), TINY).negative_prompt == ""


def test_the_negative_prompt_of_the_model_gives_way_to_the_persons():
    assert complete(text(negative_prompt="rain"), LARGE).negative_prompt == "rain"


@pytest.mark.parametrize("field", ["prompt", "negative_prompt", "prompt_end"])
def test_a_weight_that_is_none_is_refused_by_its_field(field):
    with pytest.raises(InvalidRequest) as caught:
        complete(text(**{field: "a (fox:9)"}), TINY)
    assert caught.value.field == field
    assert complete(text(**{field: "a (fox:0.9)"}), TINY)


def test_only_video_to_video_has_a_default_strength():
    assert complete(video(), TINY, CLIP).strength == TINY.defaults.strength
    assert complete(image(), TINY, PHOTO).strength is None


def test_a_medium_decides_the_ratio():
    wide = complete(image(), TINY, Medium("image", 1600, 900))
    tall = complete(image(), TINY, Medium("image", 900, 1600))
    assert wide.width / wide.height == pytest.approx(16 / 9, rel=0.15)
    assert (tall.width, tall.height) == (wide.height, wide.width)


def test_one_given_side_decides_the_other():
    request = complete(image(width=128), TINY, Medium("image", 800, 600))
    assert (request.width, request.height) == (128, 96)
    request = complete(text(height=64), TINY)
    assert (request.width, request.height) == (64, 64)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(2.0, 13), (1.2, 9), (60.0, 33), (2.125, 17), (2.0625, 17)]
)
def test_a_video_keeps_its_own_length(seconds: float, expected: int):
    medium = Medium("video", 96, 96, frames=99, fps=30.0, seconds=seconds)
    assert complete(video(), TINY, medium).num_frames == expected


REFUSED = [
    (text(width=100), "width", (96, 112)),
    (text(width=63), "width", (64,)),
    (text(width=0), "width", (64,)),
    (text(width=-96), "width", (64,)),
    (text(width=10**40), "width", (128,)),
    (text(width=4096), "width", (128,)),
    (text(width=100.5), "width", (96, 112)),
    (text(height=72), "height", (64, 80)),
    (text(height=math.inf), "height", (128,)),
    (text(height=-math.inf), "height", (64,)),
    (text(height=math.nan), "height", ()),
    (text(height="tall"), "height", ()),
    (text(height=True), "height", ()),
    (text(height=[96]), "height", ()),
    (text(num_frames=16), "num_frames", (13, 17)),
    (text(num_frames=34), "num_frames", (33,)),
    (text(num_frames=5), "num_frames", (9,)),
    (text(num_frames=0), "num_frames", (9,)),
    (text(num_frames=10**9), "num_frames", (33,)),
    (text(num_frames=10**400), "num_frames", (33,)),
    (text(duration=0), "duration", (0.125,)),
    (text(duration=-3), "duration", (0.125,)),
    (text(duration=0.1), "duration", (0.125,)),
    (text(duration=4.2), "duration", (4.125,)),
    (text(duration=9000), "duration", (4.125,)),
    (text(duration=9000, fps=24), "duration", (1.375,)),
    (text(duration=math.inf), "duration", (4.125,)),
    (text(duration=math.nan), "duration", ()),
    (text(duration="long"), "duration", ()),
    (text(duration=True), "duration", ()),
    (text(duration=2.0, num_frames=17), "duration", ()),
    (text(duration=2.0, fps=0), "fps", (1,)),
    (video(duration=2.5), "duration", (2.0,)),
    (text(fps=0), "fps", (1,)),
    (text(fps=61), "fps", (60,)),
    (text(fps=7.5), "fps", (8,)),
    (text(num_inference_steps=0), "num_inference_steps", (1,)),
    (text(num_inference_steps=101), "num_inference_steps", (100,)),
    (text(num_inference_steps=10**6), "num_inference_steps", (100,)),
    (text(guidance_scale=0.5), "guidance_scale", (1,)),
    (text(guidance_scale=21), "guidance_scale", (20,)),
    (text(guidance_scale=math.nan), "guidance_scale", ()),
    (text(guidance_scale=math.inf), "guidance_scale", (20,)),
    (text(guidance_scale=10**400), "guidance_scale", (20,)),
    (text(guidance_scale=True), "guidance_scale", ()),
    (text(seed=-1), "seed", (0,)),
    (text(seed=MAX_SEED + 1), "seed", (MAX_SEED,)),
    (text(seed=1.5), "seed", (2,)),
    (text(seed=True), "seed", ()),
    (text(num_videos_per_prompt=0), "num_videos_per_prompt", (1,)),
    (text(num_videos_per_prompt=5), "num_videos_per_prompt", (4,)),
    (text(prompt=""), "prompt", ()),
    (text(prompt="  \n "), "prompt", ()),
    (text(prompt="x" * 2001), "prompt", ()),
    (text(prompt="a\0b"), "prompt", ()),
    (text(prompt="a\x1b[31m"), "prompt", ()),
    (text(prompt="a\ud800b"), "prompt", ()),
    (text(prompt=7), "prompt", ()),
    (text(negative_prompt="\0"), "negative_prompt", ()),
    (text(task="audio"), "task", tuple(Task)),
    ({"prompt": "a red circle"}, "task", ()),
    (text(steps=5), "steps", ()),
    (text(profile="everywhere"), "profile", ()),
    (text(precision=8), "precision", ()),
    (text(image="photo.png"), "image", ()),
    (text(strength=0.5), "strength", ()),
    (image(image=None), "image", ()),
    (image(video="clip.mp4"), "image", ()),
    (video(video=None), "video", ()),
    (video(prompt=""), "prompt", ()),
    (video(strength=0), "strength", ()),
    (video(strength=-0.1), "strength", ()),
    (video(strength=1.1), "strength", (1,)),
    (video(strength=0.05, num_inference_steps=12), "strength", (0.09,)),
]


@pytest.mark.parametrize(("given", "field", "nearest"), REFUSED)
def test_a_refusal_names_the_field_and_the_nearest(given, field, nearest):
    medium = {"image_to_video": PHOTO, "video_to_video": CLIP}.get(given.get("task", ""))
    error = refusal(given, TINY, medium)
    assert error.field == field
    assert error.nearest == nearest
    assert str(error).startswith(f"{field}: ")
    assert "\n" not in str(error)
    assert all(str(value) in str(error) for value in nearest)


@pytest.mark.parametrize("left_open", [None, "", "auto"])
def test_memory_and_precision_are_automatic_unless_they_are_pinned(left_open):
    request = complete(text(profile=left_open, precision=left_open), TINY)
    assert (request.profile, request.precision) == (None, None)
    pinned = complete(text(profile="in_turn", precision="bf16"), TINY)
    assert (pinned.profile, pinned.precision) == (Profile.IN_TURN, Precision.BF16)
    assert type(pinned).model_validate_json(pinned.model_dump_json()) == pinned


def test_too_large_an_area_names_a_size_that_fits():
    error = refusal(text(width=1280, height=1280), LARGE)
    assert error.field == "width"
    width, height = map(int, str(error.nearest[0]).split("x"))
    assert complete(text(width=width, height=height), LARGE).width == width


def test_a_task_that_the_model_cannot_do_is_refused():
    error = refusal(video(), DISTILLED, CLIP)
    assert error.field == "task"
    assert set(error.nearest) == set(DISTILLED.tasks)


def test_image_to_video_needs_no_prompt():
    assert complete(image(), TINY, PHOTO).prompt == ""


def test_a_video_shorter_than_the_clip_names_how_many_frames_it_has():
    error = refusal(video(num_frames=33), TINY, CLIP)
    assert (error.field, error.nearest) == ("num_frames", (13,))


def test_a_video_too_short_for_any_clip_is_refused():
    error = refusal(video(), TINY, Medium("video", 96, 96, frames=3, fps=8.0, seconds=0.4))
    assert error.field == "video"


@pytest.mark.parametrize("steps", range(1, 101))
def test_the_least_strength_that_is_named_really_runs(steps: int):
    given = video(num_inference_steps=steps, strength=1e-6)
    error = refusal(given, TINY, CLIP)
    assert error.field == "strength"
    least = error.nearest[0]
    assert complete({**given, "strength": least}, TINY, CLIP).effective_steps >= 1


@drawn(
    name=st.sampled_from(["width", "height", "num_frames", "fps", "seed", "duration"])
    | st.sampled_from(["num_inference_steps", "num_videos_per_prompt", "guidance_scale"]),
    value=st.integers(-(10**12), 10**12) | st.floats(),
    model=st.sampled_from([s.id for s in catalog.MODELS if Task.TEXT_TO_VIDEO in s.tasks]),
)
def test_any_number_is_accepted_as_it_is_or_refused_with_values_that_work(name, value, model):
    spec, given = catalog.find(model), text(**{name: value})
    error = refused(given, spec)
    if error is None:
        assert getattr(complete(given, spec), name) == value
        return
    assert error.field == name
    for nearest in error.nearest:
        complete({**given, name: nearest}, spec)


FIELDS = list(GenerationRequest.model_fields)


@drawn(st.lists(st.tuples(st.sampled_from(FIELDS), st.text(max_size=8)), max_size=4).map(dict))
def test_no_text_anywhere_raises_anything_but_a_refusal(given):
    error = refused(given, TINY)
    assert error is None or error.field


def test_an_exclusive_bound_is_said_so():
    assert control("strength").allowed == "must be a number above 0 and up to 1"


def test_the_refused_value_is_shown_short():
    assert len(str(refusal(text(width="9" * 5000)))) < 300


@pytest.mark.parametrize("name", Scheduler)
def test_a_scheduler_is_taken_as_it_is(name):
    assert complete(text(scheduler=name.value), TINY).scheduler is name
    assert complete(text(), TINY).scheduler is None


@pytest.mark.parametrize("name", ["ddim", "DDIM", " Ddim "])
def test_ddim_is_refused_with_its_reason(name):
    error = refusal(text(scheduler=name))
    assert "does not fit flow matching" in str(error)
    assert error.nearest == ("euler",)


@pytest.mark.parametrize("name", ["dmd", "UniPC", "", 3, "e" * 500])
def test_another_scheduler_is_refused_with_those_that_there_are(name):
    error = refusal(text(scheduler=name))
    assert (error.field, error.allowed) == ("scheduler", "must be one of unipc, euler, dpm++")


@pytest.mark.parametrize(("shift", "nearest"), [(0.5, 1), (0, 1), (-3, 1), (20.1, 20), (1e308, 20)])
def test_a_flow_shift_outside_of_its_bounds_is_refused(shift, nearest):
    error = refusal(text(flow_shift=shift))
    assert error.field == "flow_shift"
    assert error.nearest == (nearest,)


@pytest.mark.parametrize("shift", [math.nan, math.inf, "high", True])
def test_a_flow_shift_is_a_number(shift):
    assert refusal(text(flow_shift=shift)).field == "flow_shift"


def test_what_nothing_shifts_takes_no_flow_shift():
    spec = catalog.find("fastwan2.2-ti2v-5b")
    assert "noise levels of its own" in str(refusal(text(flow_shift=3), spec))
    assert complete(text(flow_shift=3, scheduler="euler"), spec).flow_shift == 3


def test_the_solver_is_the_models_own_unless_one_is_chosen():
    spec = catalog.find("wan2.1-i2v-14b-720p")
    size = {"width": 832, "height": 480}
    assert spec.solver(complete(image(), spec)) == ("unipc", 5.0)
    assert spec.solver(complete(image(**size), spec)) == ("unipc", 3.0)
    chosen = complete(image(scheduler="dpm++", flow_shift=7), spec)
    assert spec.solver(chosen) == ("dpm++", 7.0)
