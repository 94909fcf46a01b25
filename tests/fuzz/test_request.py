"""Whatever is given for a request: it is accepted, or refused in one line that names a field."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.hostile import ANYTHING, NAMES, OBJECTS, examples, likely
from tests.makers import grays
from wan_demo import catalog
from wan_demo.domain import lora
from wan_demo.domain.medium import Medium
from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.domain.rules import complete
from wan_demo.errors import InvalidRequest
from wan_demo.media.clip import read_comment
from wan_demo.media.encode import write_mp4
from wan_demo.media.record import parse, request_of

LONGEST = 1500
"""Characters of a refusal: all fields are listed to who names one that there is not."""

MEDIA = st.sampled_from(
    [
        None,
        Medium("image", 400, 300),
        Medium("image", 1, 9000),
        Medium("video", 160, 90, frames=60, fps=30.0, seconds=2.0),
        Medium("video", 16, 4096, frames=1, fps=1000.0, seconds=0.001),
        Medium("video", 4096, 4096, frames=18000, fps=30.0, seconds=600.0),
    ]
)
MASKS = st.sampled_from([None, Medium("mask", 160, 90, frames=1, fps=1.0, seconds=0.0)])
MODELS = st.sampled_from([spec.id for spec in catalog.MODELS])


def check_sentence(error: InvalidRequest, field: str | None = None) -> None:
    """One line that names what is wrong, what came and what is allowed, and can be sent."""
    said = str(error)
    assert said.isprintable(), said
    assert said.encode()
    assert len(said) <= LONGEST, said
    assert re.match(r"(\w+|'.*|\".*): .+; got .+\.", said), said
    assert field in (None, error.field), said


@examples(600)
@given(OBJECTS, MODELS, MEDIA, MASKS)
def test_any_object_is_a_request_or_a_sentence(told, model, medium, mask):
    try:
        request = complete(told, catalog.find(model), medium, mask)
    except InvalidRequest as error:
        check_sentence(error)
    else:
        assert request.model == model


@examples(300)
@given(MODELS.flatmap(likely), MEDIA)
def test_an_accepted_request_is_the_same_from_the_table_and_asked_for_again(told, medium):
    spec = catalog.find(told["model"])
    try:
        request = complete(told, spec, medium)
    except InvalidRequest as error:
        check_sentence(error)
        return
    assert GenerationRequest.model_validate_json(request.model_dump_json()) == request
    assert complete(request.given(), spec, medium) == request
    written = json.dumps({"request": request.single(0).model_dump(mode="json")}, ensure_ascii=False)
    assert request_of("x.mp4", parse("x.mp4", written)["request"]) == request.single(0)


def test_much_of_what_is_likely_is_accepted():
    """Else the round trips would be of nothing."""
    accepted: list[GenerationRequest] = []

    @settings(max_examples=100)
    @given(MODELS.flatmap(likely))
    def play(told: dict[str, Any]) -> None:
        with suppress(InvalidRequest):
            accepted.append(complete(told, catalog.find(told["model"])))

    play()
    assert len(accepted) >= 25
    assert {each.task for each in accepted} == set(Task)


@examples(15)
@given(st.text(max_size=300), st.text(max_size=300))
def test_a_prompt_is_the_same_from_an_mp4(tmp_path_factory, prompt, negative):
    told = {"task": "text_to_video", "prompt": f"a{prompt}", "negative_prompt": negative}
    spec = catalog.find("wan-tiny")
    try:
        request = complete(told, spec)
    except InvalidRequest as error:
        check_sentence(error)
        return
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    write_mp4(grays(2, (16, 16)), 8, path, {"request": request.model_dump(mode="json")})
    assert request_of("a.mp4", parse("a.mp4", read_comment(path))["request"]) == request


def _as_metadata(request: Any) -> str:
    return json.dumps({"request": request})


@examples(400)
@given(st.one_of(ANYTHING.map(json.dumps), st.text(), (OBJECTS | ANYTHING).map(_as_metadata)))
def test_any_metadata_is_a_request_or_a_sentence(comment):
    try:
        request_of("a.mp4", parse("a.mp4", comment)["request"])
    except InvalidRequest as error:
        check_sentence(error, "clip")


@examples(400)
@given(ANYTHING | st.lists(NAMES, max_size=3) | NAMES)
def test_any_loras_are_names_or_a_sentence(told):
    try:
        found = lora.parse(told)
    except InvalidRequest as error:
        check_sentence(error, "loras")
        return
    assert lora.parse(lora.text(found)) == found
    for each in found:
        assert not {".", ".."} & set(each.name.split("/"))
        assert not each.name.startswith(("/", "~"))
        assert math.isfinite(each.weight)
