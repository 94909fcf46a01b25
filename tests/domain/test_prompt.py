"""The text of a prompt and the weights in it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_demo.domain.prompt import Phrase, clean, phrases, plain
from wan_demo.errors import InvalidRequest


def read(text: str) -> list[tuple[str, Any]]:
    return [(phrase.text, pytest.approx(phrase.weight)) for phrase in phrases(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a fox", [("a fox", 1)]),
        ("", []),
        ("a (neon sign:1.3) at night", [("a ", 1), ("neon sign", 1.3), (" at night", 1)]),
        ("(fox:0) (cat:2) (dog:.5)", [("fox", 0), (" ", 1), ("cat", 2), (" ", 1), ("dog", 0.5)]),
        ("a (red (big:1.2) fox:1.5)", [("a ", 1), ("red ", 1.5), ("big", 1.8), (" fox", 1.5)]),
        ("(a (blue) fox: 1.2 )", [("a (blue) fox", 1.2)]),
        ("(a (blue:1.5) fox)", [("(a ", 1), ("blue", 1.5), (" fox)", 1)]),
        ("((fox):1.5)", [("(fox)", 1.5)]),
        ("a fox (in the snow), (slow)", [("a fox (in the snow), (slow)", 1)]),
        ("(note: a fox) :) (", [("(note: a fox) :) (", 1)]),
        (r"\(fox:1.3\)", [("(fox:1.3)", 1)]),
        (r"(\(fox\):1.3)", [("(fox)", 1.3)]),
        (r"a \\ b \ c", [(r"a \ b \ c", 1)]),
        ("a ( fox :1.2) runs", [("a ", 1), ("fox ", 1.2), ("runs", 1)]),
        ("( fox :1.2)", [("fox", 1.2)]),
        ("（霓虹灯：1.3）在夜里", [("霓虹灯", 1.3), ("在夜里", 1)]),
        ("(fox:1) runs", [("fox runs", 1)]),
        ("(cat:) and (dog:high)", [("(cat:) and (dog:high)", 1)]),
        ("(a (fox:1.3)", [("(a ", 1), ("fox", 1.3)]),
        ("(at 10:30 (in the morning))", [("(at 10:30 (in the morning))", 1)]),
    ],
)
def test_phrases_have_their_weights(text, expected):
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a (fox:3)", "(fox:3)"),
        ("a (fox:-1) runs", "(fox:-1)"),
        ("a (fox:1,3) runs", "(fox:1,3)"),
        ("a (fox:1.2.3)", "(fox:1.2.3)"),
        ("(:1.3) fox", "(:1.3)"),
        ("a (fox:1.3 in the snow", "(fox:1.3 in the snow"),
        ("at (10:30)", "(10:30)"),
        ("a (fox:nan)", "(fox:nan)"),
        ("a (fox:-Inf)", "(fox:-Inf)"),
        ("a (fox:1e999)", "(fox:1e999)"),
        ("a (fox:1E-1 in the snow", "(fox:1E-1 in the snow"),
        ("(fox:1" + "0" * 400 + ")", "(fox:1" + "0" * 400 + ")"),
    ],
)
def test_a_weight_that_is_none_is_refused_in_one_sentence(text, told):
    with pytest.raises(InvalidRequest) as caught:
        phrases(text, "negative_prompt")
    assert (caught.value.field, caught.value.value) == ("negative_prompt", told)
    assert "(neon sign:1.3)" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 500 + ":" + "1" * 998 + "x" + ")" * 500,
        "(" * 1000 + ":" + "1" * 998 + "x",
        "(" * 400 + (":" + " " * 399) * 3 + ")" * 400,
    ],
)
def test_a_hostile_text_is_read_at_about_the_pace_of_any_other(text):
    """A page asks with each letter that is typed: such a text held a server for 14 seconds."""
    assert cpu_seconds(text) < 400 * cpu_seconds("(a fox) " * (len(text) // 8))


def cpu_seconds(text: str) -> float:
    began = time.thread_time()
    phrases(text)
    return time.thread_time() - began


@given(st.text(alphabet="ab (:)\\1.\n，（"))
def test_any_text_is_read_or_refused(text):
    try:
        found = phrases(text)
    except InvalidRequest:
        return
    assert "  " not in "".join(phrase.text for phrase in found)
    assert all(phrase.text for phrase in found)


@given(st.text().filter(lambda text: not set("()\\（）＼") & set(clean(text))))
def test_text_without_marks_is_only_cleaned(text):
    assert plain(text) == clean(text)
    assert all(phrase == Phrase(clean(text)) for phrase in phrases(text))
