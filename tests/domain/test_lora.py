"""LoRAs as people write them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_demo import catalog
from wan_demo.domain.lora import Expert, Lora, parse, parts, split, text
from wan_demo.domain.request import GenerationRequest
from wan_demo.domain.rules import complete
from wan_demo.errors import InvalidRequest

TWO = catalog.find("wan2.2-t2v-a14b")
ONE = catalog.find("wan-tiny")
FILE, OTHER = Path("/l/style_high.safetensors"), Path("/l/style_low.safetensors")


def refusal(value: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parse(value)
    assert caught.value.field == "loras"
    return caught.value


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("style", ("style.safetensors", 1.0, None)),
        (" style.safetensors:0.8 ", ("style.safetensors", 0.8, None)),
        ("style v1.2:-0.5:low", ("style v1.2.safetensors", -0.5, "low")),
        ("风格:1:BOTH", ("风格.safetensors", 1.0, "both")),
        ("style:high", ("style.safetensors", 1.0, "high")),
        ("owner/repo:0.7", ("owner/repo", 0.7, None)),
        ("owner/repo@v1/a/b.safetensors:2", ("owner/repo@v1/a/b.safetensors", 2.0, None)),
    ],
)
def test_a_text_is_name_weight_and_expert(said, expected):
    (lora,) = parse(said)
    assert (lora.name, lora.weight, lora.expert) == expected
    assert parse(str(lora)) == (lora,)
    assert parse([lora.model_dump()]) == (lora,)


def test_one_text_may_hold_several():
    loras = parse("a:0.5\n\n b.safetensors , owner/repo:2\n")
    assert [lora.name for lora in loras] == ["a.safetensors", "b.safetensors", "owner/repo"]
    assert parse(text(loras)) == loras
    assert parse("") == parse([]) == parse(" \n,") == ()


def test_where_a_lora_of_the_hub_lies():
    (lora,) = parse("owner/repo@v1/x/high_noise_model.safetensors")
    source = lora.source(has_pair=True)
    assert (source.repo, source.revision) == ("owner/repo", "v1")
    assert source.patterns == ("x/high_noise_model.safetensors", "x/low_noise_model.safetensors")
    assert lora.source(has_pair=False).patterns == source.patterns[:1]
    assert parse("owner/repo/x_high.safetensors:1:high")[0].source(True).patterns == (
        "x_high.safetensors",
    )
    assert parse("owner/repo")[0].source(True).patterns == ()


@pytest.mark.parametrize(
    "name",
    [
        *("../style", "..", ".", "./style", "~/style", "/etc/passwd", "/l/style.safetensors"),
        *("a/../b/c.safetensors", "owner/repo/../../x.safetensors", "owner/repo/./x.safetensors"),
        *("C:\\style.safetensors", "a\\b", "file:///etc/passwd", "https://host/owner/repo"),
        *("nul\0.safetensors", "line\u2028end", "esc\x1b[0m", "turn\u202e", "owner/repo/a\0b"),
        *(".hidden", "owner/.git/config.safetensors", "owner/repo/*.safetensors", "a?", "a[b]"),
        *("sub/style.safetensors", "owner/repo/folder", "owner//x.safetensors", "/", "owner/"),
        *("ow--ner/repo", "owner/repo.git", "owner/repo@/x.safetensors@", "o/r@../x.safetensors"),
        *("x" * 500, "é" * 150, "owner/" + "x" * 200, "\ud800"),
    ],
)
def test_a_path_or_a_name_that_can_be_none_is_refused(name):
    error = refusal([name])
    assert "\n" not in str(error)
    assert len(str(error)) < 350
    assert str(error).isprintable()


@pytest.mark.parametrize("ending", ["pt", "bin", "ckpt", "PTH", "pkl", "pickle"])
@pytest.mark.parametrize("folder", ["", "owner/repo/"])
def test_a_pickle_is_refused_by_its_name(ending, folder):
    assert "can run code of its own" in str(refusal(f"{folder}style.{ending}:0.5"))


@pytest.mark.parametrize("weight", ["nan", "inf", "4.1", "-5", "much", "1e999", "0x10", ""])
def test_a_weight_is_a_number_within_bounds(weight):
    assert "from -4 to 4" in str(refusal(f"style:{weight}"))


@pytest.mark.parametrize(
    "value",
    [
        *(5, True, {"name": "a"}, [3], [None], [[]], [{}], [{"name": 3}], b"style"),
        *([{"name": "a", "colour": 1}], [{"name": "a", "expert": "middle"}]),
        *([{"name": "a", "weight": []}], [{"name": "a", "weight": True}]),
        *([{"name": "a", "weight": math.nan}], [{"name": "a", "expert": []}], ["a", "a"], "a,a:2"),
    ],
)
def test_what_is_no_list_of_loras_is_refused(value):
    refusal(value)


def test_more_than_eight_are_refused():
    assert len(parse([f"style-{n}" for n in range(8)])) == 8
    assert "8 at once" in str(refusal([f"style-{n}" for n in range(9)]))


@given(st.text(max_size=60))
def test_any_text_is_loras_or_is_refused(said):
    try:
        loras = parse(said)
    except InvalidRequest:
        return
    assert parse(text(loras)) == loras
    assert all(not Path(lora.name).is_absolute() for lora in loras)
    assert all(".." not in lora.name.split("/") for lora in loras)


@given(st.text(max_size=40))
def test_a_split_text_is_whole(said):
    assert "".join(split(said)) == said.strip()


@pytest.mark.parametrize(
    ("said", "files", "expected"),
    [
        ("style", [Path("/l/style.safetensors")], ("style", "style")),
        ("style_high", [FILE, OTHER], ("style_high", "style_low")),
        ("style_low", [OTHER, FILE], ("style_high", "style_low")),
        ("style_high", [FILE], ("style_high", "style_high")),  # may be a style called so
        ("x_high_noise", [Path("/l/x_high_noise.safetensors")], ("x_high_noise", None)),
        ("style_high:1:high", [FILE], ("style_high", None)),
        ("style:1:low", [Path("/l/style.safetensors")], (None, "style")),
        ("owner/repo:1:low", [FILE, OTHER], (None, "style_low")),
        ("owner/repo:1:high", [FILE, OTHER], ("style_high", None)),
        ("a", [Path("/low/h/a.safetensors")], ("a", "a")),
        (
            "o/r/High/a.safetensors",
            [Path("/low/c/High/a.safetensors"), Path("/low/c/Low/b.safetensors")],
            ("a", "b"),
        ),
    ],
)
def test_each_expert_wears_its_half(said, files, expected):
    worn = parts(parse(said)[0], files, experts=2)
    stems = {part: path.stem for part, path in worn.items()}
    assert (stems.get("transformer"), stems.get("transformer_2")) == expected
    assert parts(parse(said)[0], files, experts=1) == {"transformer": files[0]}


def test_both_halves_named_by_the_person_keep_their_own_weights():
    high, low = parse("x_high:0.5, x_low:2")
    assert (high.expert, high.weight) == (Expert.HIGH, 0.5)
    assert (low.expert, low.weight) == (Expert.LOW, 2.0)


def test_a_request_keeps_them_through_json():
    given = {"task": "text_to_video", "prompt": "a fox", "loras": ["style:0.5", "o/r"]}
    request = complete(given, TWO)
    assert request.loras == (Lora(name="style.safetensors", weight=0.5), Lora(name="o/r"))
    assert GenerationRequest.model_validate_json(request.model_dump_json()) == request
    assert complete(given | {"loras": None}, TWO).loras == ()


def test_one_expert_has_no_other():
    given = {"task": "text_to_video", "prompt": "a red circle", "loras": "style:1:high"}
    with pytest.raises(InvalidRequest, match="wan-tiny has one expert"):
        complete(given, ONE)
    assert complete(given, TWO).loras[0].expert is Expert.HIGH
    assert complete(given | {"loras": "style:1:both"}, ONE).loras


class TestPreset:
    def test_its_values_stand_under_the_persons_own(self):
        given = {"task": "text_to_video", "prompt": "a fox", "preset": "lightning"}
        request = complete(given | {"num_inference_steps": 6}, TWO)
        assert (request.num_inference_steps, request.scheduler, request.flow_shift) == (
            6,
            "euler",
            5,
        )
        assert (request.guidance_scale, request.guidance_scale_2) == (1, 1)
        assert request.loras[0].name.endswith("/high_noise_model.safetensors")

    def test_another_name_is_refused_with_those_that_there_are(self):
        given = {"task": "text_to_video", "prompt": "a red circle", "preset": "best"}
        with pytest.raises(InvalidRequest, match="draft, balanced, quality for wan-tiny") as caught:
            complete(given, ONE)
        assert caught.value.field == "preset"
