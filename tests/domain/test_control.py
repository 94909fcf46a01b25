from __future__ import annotations

import pytest

from wan_demo.domain.control import control, controls
from wan_demo.domain.memory import Precision
from wan_demo.domain.request import GenerationRequest, Task


def test_every_field_of_the_request_is_a_control_with_a_label_and_help():
    assert [known.name for known in controls()] == list(GenerationRequest.model_fields)
    for known in controls():
        assert known.label
        assert known.label != known.name
        assert known.help.endswith(".")


@pytest.mark.parametrize(
    ("name", "minimum", "maximum", "is_integer"),
    [("guidance_scale", 1, 20, False), ("fps", 1, 60, True), ("seed", 0, 2**32 - 1, True)],
)
def test_bounds_are_those_of_the_field(name, minimum, maximum, is_integer):
    known = control(name)
    assert (known.minimum, known.maximum, known.is_integer) == (minimum, maximum, is_integer)


def test_large_bounds_are_written_out():
    assert control("seed").allowed == "must be a whole number from 0 to 4294967295"


def test_texts_tell_their_length():
    assert control("prompt").allowed == "must be text of at most 2,000 characters"
    assert control("image").allowed == "must be text"


def test_a_choice_tells_its_words():
    assert control("task").choices == tuple(Task)
    assert control("precision").choices == tuple(Precision)
    assert control("precision").allowed == "must be one of " + ", ".join(Precision)
    assert control("model").choices == ()


def test_there_is_no_control_of_another_name():
    with pytest.raises(KeyError):
        control("steps")
