from __future__ import annotations

import pytest

from tests.makers import request
from wan_demo import catalog
from wan_demo.domain.medium import Medium
from wan_demo.domain.model import Vocabulary
from wan_demo.domain.notes import about_negative, about_tokens, notes, unknown_words
from wan_demo.domain.request import Task
from wan_demo.domain.tokens import Tokens

TINY = catalog.BUNDLED


def _vocabulary() -> Vocabulary:
    assert TINY.vocabulary is not None
    return TINY.vocabulary


VOCABULARY = _vocabulary()


def test_words_of_the_vocabulary_are_known_whatever_their_case():
    assert unknown_words("A Red CIRCLE, moving right on a black background!", VOCABULARY) == []


def test_strange_words_are_told_in_order_and_once():
    assert unknown_words("a fox, a red dragon, a fox", VOCABULARY) == ["fox", "dragon"]


def test_chinese_is_looked_up_by_character():
    assert unknown_words("红色圆形向右移动", VOCABULARY) == []
    assert unknown_words("红色的猫", VOCABULARY) == ["猫"]


def test_a_strange_prompt_gets_a_note_that_says_what_would_work():
    (said,) = notes(TINY, Task.TEXT_TO_VIDEO, "a fox on a meadow", None)
    assert "“fox”" in said
    assert "circle" in said
    assert VOCABULARY.better_model in said


@pytest.mark.parametrize(("detail", "count"), [(0.0, 0), (0.9, 1)])
def test_a_photo_gets_a_note_and_a_drawing_none(detail, count):
    medium = Medium("image", 96, 96, detail=detail)
    assert len(notes(TINY, Task.IMAGE_TO_VIDEO, "", medium)) == count


def test_a_model_without_a_vocabulary_says_nothing():
    spec = catalog.find("wan2.2-ti2v-5b")
    assert notes(spec, Task.TEXT_TO_VIDEO, "xyzzy", Medium("image", 9, 9, detail=1.0)) == []


def test_what_is_cut_is_quoted_and_a_long_rest_shortened():
    assert about_tokens(TINY, "prompt", None) == []
    assert about_tokens(TINY, "prompt", Tokens(64, 64)) == []
    (said,) = about_tokens(TINY, "prompt_end", Tokens(70, 64, "x" * 500))
    assert said.startswith("Prompt at the end: Wan Tiny reads 64 tokens of its 70.")
    assert len(said) < 200


@pytest.mark.parametrize(
    ("model", "guidance", "negative", "is_told"),
    [
        ("wan2.1-t2v-1.3b", 1, None, True),
        ("wan2.1-t2v-1.3b", 1.5, None, False),
        ("wan2.1-t2v-1.3b", 1, "rain", True),
        ("wan2.2-t2v-a14b-lightning", 1, None, False),
        ("wan2.2-t2v-a14b-lightning", 1, "rain", True),
        ("wan-tiny", 1, None, False),
        ("wan-tiny", 1, "blue", True),
    ],
)
def test_a_negative_prompt_without_guidance_is_told_where_one_of_them_was_chosen(
    model, guidance, negative, is_told
):
    spec = catalog.find(model)
    mine = spec.defaults.negative_prompt if negative is None else negative
    said = about_negative(spec, request(guidance_scale=guidance, negative_prompt=mine))
    assert any("no effect" in note for note in said) == is_told
