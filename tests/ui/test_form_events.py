"""What happens in the form, event by event, over a real service."""

from __future__ import annotations

import re
from typing import Any

import gradio as gr
import pytest
from gradio.blocks import Block

from tests.makers import noise
from wan_demo import catalog
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.service import Service
from wan_demo.ui.events import State
from wan_demo.ui.form_events import FormEvents
from wan_demo.ui.layout import Layout, build_layout

A14B = catalog.find("wan2.2-t2v-a14b")
TINY = catalog.find("wan-tiny")


class Person:
    """A form and what its components hold, as the browser would keep it."""

    def __init__(self, service: Service, links: Any, spec: ModelSpec) -> None:
        with gr.Blocks():
            self.at: Layout = build_layout(service, spec, "a test asked for it", "")
            state = State.build(spec)
        self.service = service
        self.events = FormEvents(service, links, self.at, state)
        buttons = [self.at.preset, self.at.resolution, self.at.ratio]
        shown = [*self.at.form.components().values(), *buttons, self.at.lora]
        self.values: dict[Any, Any] = {one: one.value for one in (*shown, *vars(state).values())}

    def does(self, event: Any, **chosen: Any) -> None:
        """Choose values by names of the layout or the form, then let the event happen."""
        for name, value in chosen.items():
            component = self.at.form.components().get(name) or getattr(self.at, name)
            self.values[component] = value
        for component, update in event(self.values).items():
            if update == gr.skip():
                continue
            if isinstance(update, Block):
                update = update.constructor_args.get("value", self.values.get(component))
            self.values[component] = update

    def request(self) -> GenerationRequest:
        """What Generate would run."""
        given = self.at.form.given(self.values, "text_to_video", self.service.models)
        return self.service.plan(given).request

    def shows(self, name: str) -> Any:
        """What a component of the form holds."""
        return self.values[self.at.form.components()[name]]


@pytest.fixture
def someone(store, folder, links):
    service = Service(store, folder, TINY.id, lambda _spec: True)
    return lambda spec: Person(service, links, spec)


def test_the_lightning_preset_sets_all_that_it_needs(someone):
    person = someone(A14B)
    person.values[person.at.form.prompt] = "a fox"
    person.does(person.events.choose_preset, preset="Lightning")
    request, (preset,) = person.request(), [p for p in A14B.presets if p.name == "Lightning"]
    assert {name: getattr(request, name) for name in preset.overrides} == dict(preset.overrides)
    assert person.shows("loras").startswith("lightx2v/Wan2.2-Lightning@")
    person.does(person.events.match_buttons)
    assert person.values[person.at.preset] == "Lightning"


def test_another_preset_takes_all_of_it_back(someone):
    person = someone(A14B)
    person.values[person.at.form.prompt] = "a fox"
    person.does(person.events.choose_preset, preset="Lightning")
    person.does(person.events.choose_preset, preset="Quality")
    request = person.request()
    assert (request.loras, request.scheduler, request.flow_shift) == ((), None, None)
    assert (request.guidance_scale, request.guidance_scale_2) == (4, 3)
    assert request.num_inference_steps == 40


def test_a_value_of_ones_own_is_no_preset_any_more(someone):
    person = someone(A14B)
    person.does(person.events.choose_preset, preset="Lightning")
    person.does(person.events.match_buttons, loras=person.shows("loras") + "\nstyle:0.5")
    assert person.values[person.at.preset] is None


def test_a_chosen_lora_goes_into_the_box_once(someone, folder):
    for name in ("ink", "fur"):
        (folder.loras / f"{name}.safetensors").write_bytes(b"")
    person = someone(TINY)
    choices = person.events.list_loras(person.values)[person.at.lora]
    assert choices.choices == [(f"{name}.safetensors",) * 2 for name in ("fur", "ink")]
    for name in ("ink", "fur", "ink"):
        person.does(person.events.add_lora, lora=f"{name}.safetensors")
        assert person.values[person.at.lora] is None
    assert person.shows("loras") == "ink.safetensors:1\nfur.safetensors:1"
    person.values[person.at.form.loras] = "ink.safetensors:0.5\nfur"
    assert [(one.name, one.weight) for one in person.request().loras] == [
        ("ink.safetensors", 0.5),
        ("fur.safetensors", 1.0),
    ]


def test_the_line_above_generate_says_what_is_wrong(someone):
    person = someone(TINY)
    person.does(person.events.plan, loras="../../etc/passwd")
    assert "a path is not taken" in person.values[person.at.plan]
    person.does(person.events.plan, loras="", scheduler="ddim")
    assert "does not fit flow matching" in person.values[person.at.plan]
    assert "data-value='euler'>Use euler<" in person.values[person.at.plan]


def test_another_model_starts_with_its_own(someone):
    person = someone(A14B)
    person.does(person.events.choose_preset, preset="Lightning")
    person.does(person.events.choose_model, model=TINY.id)
    assert [person.shows(name) for name in ("loras", "scheduler", "flow_shift")] == ["", "", ""]
    request = person.request()
    assert (request.model, request.loras) == (TINY.id, ())


def test_the_button_of_a_refused_lora_changes_that_one_only(someone, folder):
    for name in ("ink", "fur"):
        (folder.loras / f"{name}.safetensors").write_bytes(b"")
    person = someone(TINY)
    person.does(person.events.plan, prompt="a fox", loras="fur:0.3\nink:0.5:high")
    line = person.values[person.at.plan]
    assert "Use ink.safetensors:0.5<" in line
    (value,) = re.findall("data-value='([^']*)'", line)
    for told in (value, "../x", "fur:0.3\nink"):  # the last two are no button's
        event = gr.EventData(None, {"field": "loras", "value": told})
        person.does(lambda values, event=event: person.events.fix(values, event))
    assert person.shows("loras") == "fur.safetensors:0.3\nink.safetensors:0.5"
    assert [one.weight for one in person.request().loras] == [0.3, 0.5]


def test_a_clip_of_two_pictures_comes_back_with_both(someone):
    pair = catalog.find("wan2.1-flf2v-14b-720p")
    person = someone(TINY)
    filled = person.events._fill(pair, {"image": "a", "last_image": "b"})
    boxes = person.at.form.image, person.at.form.last_image
    assert [filled[box].constructor_args["visible"] for box in boxes] == [True, True]
    assert [filled[box].constructor_args["label"] for box in boxes] == ["First image", "Last image"]
    assert [filled[box].constructor_args["value"] for box in boxes] == ["a", "b"]
    single = person.events._fill(TINY, {})
    assert [single[box].constructor_args["visible"] for box in boxes] == [True, False]


def test_the_size_follows_the_first_of_two_pictures_before_the_second_is_here(someone, tmp_path):
    person = someone(TINY)
    noise((90, 160)).save(tmp_path / "first.png")
    person.values[person.events._state.task] = Task.IMAGE_TO_VIDEO.value
    person.does(person.events.choose_model, model="wan2.1-flf2v-14b-720p")
    person.does(person.events.receive_medium, image=str(tmp_path / "first.png"))
    assert (person.shows("width"), person.shows("height")) == (720, 1280)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("image", "5"), ("last_image", "5.5"), ("video", "5"), ("model", "5"), ("prompt", "5")),
        *(("seed", "9" * 400 + ".0"), ("seed", "nan."), ("seed", "9" * 5000), ("width", "1x2x3")),
        *(("\ud800", "\ud800"), ("loras", "../../x"), ("task", "x")),
    ],
)
def test_a_button_that_no_page_has_changes_nothing(someone, field, value):
    person = someone(TINY)
    event = gr.EventData(None, {"field": field, "value": value})
    assert all(update == gr.skip() for update in person.events.fix(person.values, event).values())


@pytest.mark.parametrize("chosen", ["\ud800", {"a": 1}, ["a"], 10**30, "../../secret", None])
def test_a_lora_that_is_not_there_is_not_chosen(someone, chosen):
    person = someone(TINY)
    person.does(person.events.add_lora, lora=chosen, loras="kept:1")
    assert (person.shows("loras"), person.values[person.at.lora]) == ("kept:1", None)


def test_half_a_character_in_the_box_does_not_come_back(someone, folder):
    (folder.loras / "style.safetensors").touch()
    person = someone(TINY)
    (name,) = person.service.loras.folder.names()
    person.does(person.events.add_lora, lora=name, loras="x\ud800")
    assert person.shows("loras") == f"x?\n{name}:1"


@pytest.mark.parametrize("told", ["x", "", None, "\ud800"])
def test_a_picture_of_no_tab_changes_nothing(someone, tmp_path, told):
    noise((64, 32)).save(tmp_path / "a.png")
    person = someone(TINY)
    person.values[person.events._state.task] = told
    before = person.shows("width")
    person.does(person.events.receive_medium, image=str(tmp_path / "a.png"))
    assert person.shows("width") == before
