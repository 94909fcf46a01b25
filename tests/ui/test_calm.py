from __future__ import annotations

from inspect import signature

import gradio as gr
import pytest

from wan_demo.errors import InvalidRequest, StorageAway
from wan_demo.ui.calm import QUEUE, calm
from wan_demo.ui.notices import PLAN


@pytest.fixture
def line() -> gr.HTML:
    return gr.HTML("", elem_id=QUEUE)


@pytest.fixture
def other() -> gr.HTML:
    return gr.HTML("")


def _away(_values: dict) -> dict:
    raise StorageAway


def test_an_answer_is_passed_on(line):
    assert calm(lambda value: {line: value}, [line])("one job") == {line: "one job"}


def test_a_folder_that_is_away_is_told_beside_the_queue_and_nothing_else_changes(line, other):
    (said,) = calm(_away, [other, line])({}).items()
    assert said == (line, f"<span class='away'>{StorageAway()}</span>")


def test_an_event_without_that_line_changes_nothing(other):
    assert calm(_away, [other])({}) == {other: gr.skip()}


def test_what_cant_be_used_is_refused_above_generate(line, other):
    def refuses(_values: dict) -> dict:
        raise InvalidRequest("model", "gone", "must be one of those that are there")

    plan = gr.HTML("", elem_id=PLAN)
    (said,) = calm(refuses, [line, plan, other])({}).items()
    assert said[0] == plan
    assert "must be one of those that are there" in said[1]
    assert calm(refuses, [other])({}) == {other: gr.skip()}


def test_another_error_is_one(line):
    def broken(_values: dict) -> dict:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        calm(broken, [line])({})


def test_gradio_still_sees_what_the_handler_asks_for():
    def handler(values: dict, request: gr.Request) -> dict:
        return {}

    assert signature(calm(handler, [])) == signature(handler)
