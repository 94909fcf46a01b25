"""Controls that may be left to the model."""

from __future__ import annotations

import pytest

from wan_demo import catalog
from wan_demo.domain.control import control
from wan_demo.ui import advanced, form

SPEC = catalog.find("wan2.1-i2v-14b-720p")


@pytest.mark.parametrize("name", advanced.OPEN)
def test_what_is_left_open_is_none_to_the_service_and_back(name):
    assert advanced.as_given(name, advanced.OPEN[name]) is None
    assert advanced.as_shown(name, None) == advanced.OPEN[name]


def test_other_values_pass():
    assert advanced.as_given("scheduler", "euler") == "euler"
    assert advanced.as_shown("flow_shift", 7.0) == "7"
    assert advanced.as_given("flow_shift", " 7.5") == 7.5
    assert advanced.as_given("flow_shift", "high") == "high"
    assert advanced.as_given("negative_prompt", "") == ""


def test_the_models_own_is_named():
    box = advanced.scheduler_box(SPEC)
    assert box.choices[0] == ("The model's own (unipc)", "")
    assert advanced.shift_box(SPEC).placeholder == "5 at 720p, 3 at 480p"
    assert advanced.shift_box(catalog.find("wan2.1-flf2v-14b-720p")).placeholder == "16"


@pytest.mark.parametrize("spec", catalog.MODELS, ids=lambda spec: spec.id)
def test_a_preset_is_known_by_its_values_only(spec):
    for preset in spec.presets:
        values = {**form.defaults_of(spec), **form.preset_values(preset)}
        assert form.preset_of(spec, values) == preset.name
    assert form.preset_of(spec, {**form.defaults_of(spec), "num_inference_steps": 17}) is None


@pytest.mark.parametrize("name", ["profile", "precision"])
def test_a_pin_stands_open_and_says_what_its_words_mean(name):
    box = advanced.pin_box(name)
    assert box.value == "auto"
    assert [word for _, word in box.choices] == ["auto", *control(name).choices]
    assert all(": " in title for title, word in box.choices if word != "auto")


def test_a_pins_word_is_seen_as_it_is_known():
    assert advanced.word_title("model_offload").startswith("Model offload: ")
    assert advanced.word_title("bf16").startswith("bf16: ")


def test_who_looks_for_ddim_is_told_why_there_is_none():
    assert "DDIM" in str(advanced.scheduler_box(SPEC).info)
