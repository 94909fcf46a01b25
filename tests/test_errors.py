from __future__ import annotations

import pytest

from wan_demo import errors
from wan_demo.errors import InvalidRequest, WanDemoError


def tree(kind: type[WanDemoError]) -> list[type[WanDemoError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in tree(child))]


def test_every_error_has_a_word_and_a_status_of_its_kind():
    kinds = [kind for kind in tree(WanDemoError) if kind.__module__ == errors.__name__]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(400 <= kind.status < 600 for kind in kinds)
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in kinds)


def test_a_refusal_is_one_sentence_with_everything_in_it():
    error = InvalidRequest("width", 100, "must be a multiple of 16", (96, 112))
    assert str(error) == "width: must be a multiple of 16; got 100. Nearest: 96 or 112."
    endless = InvalidRequest("seed", 10**5000, "must be smaller")
    assert str(endless) == "seed: must be smaller; got a number too long to be shown."
    assert str(InvalidRequest("image", None, "is needed")) == "image: is needed; got nothing."


@pytest.mark.parametrize("name", ["", "a\nERROR forged", "\x1b[2J", "\ud800", "x" * 5000, "a b"])
def test_what_a_stranger_calls_a_field_is_shown_as_a_value_is(name):
    said = str(InvalidRequest(name, 1, "is not a parameter"))
    assert said.isprintable()
    assert said.encode()
    assert len(said) < 150


def test_lists_too_deep_to_be_shown_are_refused_as_such():
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    said = str(InvalidRequest("seed", deep, "must be 1"))
    assert said == "seed: must be 1; got lists too deep to be shown."
