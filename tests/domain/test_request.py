from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.makers import request
from wan_demo.domain.request import MAX_SEED, GenerationRequest


@pytest.mark.parametrize(
    ("steps", "strength", "expected"), [(12, 0.8, 9), (12, 1.0, 12), (12, None, 12), (1, 0.8, 0)]
)
def test_effective_steps_are_diffusers_own(steps, strength, expected):
    made = request(num_inference_steps=steps, strength=strength)
    assert made.effective_steps == expected


def test_single_clips_count_the_seed_up_and_wrap():
    made = request(seed=MAX_SEED, num_videos_per_prompt=3)
    assert [made.single(index).seed for index in range(3)] == [MAX_SEED, 0, 1]
    assert made.single(0).num_videos_per_prompt == 1


def test_json_comes_back_as_the_same_request():
    made = request(prompt="一个红色圆形 “x” \n", strength=0.5, video="v", task="video_to_video")
    assert GenerationRequest.model_validate_json(made.model_dump_json()) == made


def test_prompts_are_stripped_and_a_request_never_changes():
    made = request(prompt="  a red circle \n")
    assert made.prompt == "a red circle"
    with pytest.raises(ValidationError):
        made.seed = 2  # type: ignore[misc]
