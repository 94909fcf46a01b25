from __future__ import annotations

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
