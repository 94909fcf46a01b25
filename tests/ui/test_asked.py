"""What the page's address may fill in, and what it may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest

from wan_demo import catalog
from wan_demo.ui import asked
from wan_demo.ui.layout import build_layout


@pytest.fixture
def fill(service) -> Callable[..., dict[str, Any]]:
    with gr.Blocks():
        form = build_layout(service, catalog.find("wan-tiny"), "", "").form.components()
    return lambda **query: asked.filled(query, service, form)


def test_fields_take_texts_and_numbers(fill):
    got = fill(prompt="a red circle", seed="7", guidance_scale="2.5", direction="reversed")
    assert (got["prompt"], got["seed"], got["guidance_scale"]) == ("a red circle", 7, 2.5)
    assert (got["model"], got["task"], got["tab"]) == ("wan-tiny", "text_to_video", "text_to_video")
    assert (got["direction"], got["lock"], got["said"]) == ("reversed", True, "")


def test_what_is_not_asked_for_is_the_models_own(fill):
    got = fill(model="wan2.1-t2v-1.3b", tab="text_to_video")
    assert got["num_frames"] == catalog.find("wan2.1-t2v-1.3b").defaults.num_frames
    assert got["lock"] is False
    assert "prompt" not in got


def test_a_tab_brings_a_model_that_can_do_it(fill):
    got = fill(tab="image_to_video", model="wan2.1-t2v-1.3b")
    assert got["model"] == "wan-tiny"
    assert "can't do Image to video" in got["said"]
    assert fill(tab="library")["tab"] == "library"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"model": "nonsense"}, "There is no model 'nonsense'"),
        ({"tab": "nonsense"}, "There is no tab 'nonsense': it can be text_to_video, image"),
        ({"width": "wide"}, "width can't be 'wide'"),
        ({"seed": "nan"}, "seed can't be 'nan'"),
        ({"seed": "inf"}, "seed can't be 'inf'"),
        ({"seed": "9" * 400}, "seed can't be '99"),
        ({"method": "magic"}, "method can't be 'magic': it can be renoise, flow_edit"),
        ({"prompt": "x" * 20_000}, "prompt can't be 'xx"),
        ({"prompt": ["a"]}, "prompt can't be ['a']"),
    ],
)
def test_what_cant_be_is_left_out_and_said(fill, query, said):
    got = fill(**query)
    assert said in got["said"]
    assert len(got["said"]) < 200
    assert got["model"] == "wan-tiny"


@pytest.mark.parametrize("name", ["image", "video", "mask", "continued", "trim_start", "task", "x"])
def test_files_and_what_is_no_field_are_never_filled_in(fill, name):
    got = fill(**{name: "/etc/passwd"})
    assert "/etc/passwd" not in got.values()


def test_half_a_character_and_a_nul_do_no_harm(fill):
    assert fill(prompt="a\ud800b\0")["prompt"] == "a?b"
