from __future__ import annotations

import pytest

from tests.makers import request
from wan_demo import catalog
from wan_demo.domain.rules import complete

TINY, OFFICIAL, FAST = (
    catalog.find(each) for each in ("wan-tiny", "wan2.1-t2v-1.3b", "wan2.2-ti2v-5b")
)


@pytest.mark.parametrize("tenths", range(3, 50))
@pytest.mark.parametrize("spec", [OFFICIAL, FAST], ids=lambda spec: spec.id)
def test_the_next_4k_1_up_is_generated_and_the_nearest_frame_played(spec, tenths: int):
    seconds, fps = tenths / 10, spec.defaults.fps
    made = complete({"task": "text_to_video", "prompt": "a fox", "duration": seconds}, spec)
    assert abs(made.played_frames - tenths * fps / 10) <= 0.5
    assert made.num_frames % 4 == 1
    assert made.num_frames - 4 < made.played_frames <= made.num_frames or made.num_frames == 5


def test_a_clip_shorter_than_any_that_the_model_makes_is_cut_from_its_shortest():
    made = complete({"task": "text_to_video", "prompt": "a fox", "duration": 0.5}, TINY)
    assert (made.num_frames, made.played_frames) == (9, 4)


def test_without_a_duration_all_frames_are_played():
    assert request(num_frames=17).played_frames == 17


def test_what_made_a_request_makes_it_again():
    for asked in ({"duration": 1.3}, {"num_frames": 13}, {}):
        made = complete({"task": "text_to_video", "prompt": "a fox", "seed": 5, **asked}, TINY)
        assert complete(made.given(), TINY) == made
