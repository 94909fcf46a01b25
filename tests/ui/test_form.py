"""The form derives from the request and the model."""

from __future__ import annotations

import gradio as gr
import pytest

from wan_demo import catalog
from wan_demo.domain.request import GenerationRequest
from wan_demo.domain.rules import complete
from wan_demo.ui import beginning, form, form_events

NUMBERS = ("width", "height", "num_frames", "num_inference_steps", "guidance_scale", "strength")


@pytest.mark.parametrize("spec", catalog.MODELS, ids=lambda spec: spec.id)
@pytest.mark.parametrize("name", NUMBERS)
def test_every_stop_of_a_slider_is_a_value_that_the_model_takes(spec, name: str):
    limits = form.range_of(name, spec)
    low, high, step = limits["minimum"], limits["maximum"], limits["step"]
    assert low <= form.defaults_of(spec)[name] <= high
    offset = (form.defaults_of(spec)[name] - low) / step
    assert offset == pytest.approx(round(offset), abs=1e-6)
    task = spec.tasks[0]
    files = dict.fromkeys(spec.needs(task), "file")
    for value in (low, low + step, high) if name != "strength" else ():
        complete({"task": task, "prompt": "x", **files, name: value}, spec)


def test_the_form_has_a_component_for_every_field_but_those_that_follow_from_others():
    fields = set(GenerationRequest.model_fields) - {"task", "fps"}
    assert set(form.Form.__dataclass_fields__) == fields | set(beginning.NAMES)


def test_the_negative_prompt_of_the_model_is_seen_in_an_empty_field_too():
    spec = catalog.find("wan2.1-t2v-1.3b")
    with gr.Blocks():
        box = form.negative_prompt_box(spec)
    assert box.value == box.placeholder == spec.defaults.negative_prompt


def test_a_readout_of_no_number_is_empty():
    assert form.frames_readout(None, 8) == ""
    assert "2.1 s at 8 fps" in form.frames_readout(17, 8)
    assert "seconds decide" in form.frames_readout(17, 8, 2.0)


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [("precision", "bf16", "bf16"), ("fps", "8", 8), ("strength", "0.5", 0.5)],
)
def test_what_a_button_says_is_taken_over_as_the_form_holds_it(field, value, taken):
    assert form_events._taken_over(field, value) == taken
    with pytest.raises(ValueError, match="nonsense"):
        form_events._taken_over(field, "nonsense")


def test_the_first_of_two_pictures_is_called_so_and_comes_back_with_its_second():
    pair, single = catalog.find("wan2.1-flf2v-14b-720p"), catalog.find("wan2.2-i2v-a14b")
    with gr.Blocks():
        box = gr.Image()
    assert form.picture("image", single) == {"label": "Image", "visible": True}
    assert form.picture("image", pair) == {"label": "First image", "visible": True}
    assert not form.refilled("last_image", box, None, single).visible
    assert form.refilled("last_image", box, None, pair).visible
