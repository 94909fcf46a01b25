"""Numbers as people read them."""

import pytest

from tests.makers import request
from wan_demo.ui import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "1 s"),
        (4.4, "4 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h 0 min"),
        (3780, "1 h 3 min"),
    ],
)
def test_duration(seconds: float, said: str):
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")]
)
def test_ordinal(number: int, said: str):
    assert words.ordinal(number) == said


def test_facts_tell_what_runs_and_of_how_many_steps():
    facts = words.facts(request(task="video_to_video", video="x", strength=0.5))
    assert facts == [
        "64×64",
        "9 frames",
        "1.1 s at 8 fps",
        "1 of 3 steps",
        "guidance 3",
        "strength 0.5",
    ]
