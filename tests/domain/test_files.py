from __future__ import annotations

import pytest

from tests.makers import request
from wan_demo.domain.files import each, exchanged, named, references, said
from wan_demo.errors import InvalidRequest


def test_a_field_holds_none_one_or_several():
    assert each(None) == ()
    assert each("a") == ("a",)
    assert each(["a", "b"]) == ("a", "b")
    assert (exchanged(None, len), exchanged("abc", len), exchanged(("a", "bc"), len)) == (
        *(None, 3),
        (1, 2),
    )


def test_all_files_of_a_request_are_named_as_it_is_and_as_it_is_stored():
    made = request(
        task="video_to_video", video="v", mask="m", strength=0.5, reference_images=("r", "s")
    )
    assert list(named(made)) == ["v", "m", "r", "s"]
    assert list(named(made.model_dump(mode="json"))) == ["v", "m", "r", "s"]
    assert list(named({"prompt": "of an older version"})) == []


def test_files_are_told_to_people_without_their_folders():
    assert said("/home/ada/private/a.png") == "a.png"
    assert said(("/tmp/x/a.png", "b.png")) == "a.png, b.png"
    assert said(None) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ()),
        ("", ()),
        ([], ()),
        ("a.png", ("a.png",)),
        (["a.png", None, "b.png"], ("a.png", "b.png")),
    ],
)
def test_references_as_surfaces_give_them(given, expected):
    assert references(given) == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (list("abcd"), "reference_images: must be at most 3 pictures; got '4 pictures'."),
        (["a", 5], "reference_images: must be a file; got 'picture 2'."),
    ],
)
def test_what_can_be_no_references_is_refused(given, sentence):
    with pytest.raises(InvalidRequest) as caught:
        references(given)
    assert str(caught.value) == sentence
