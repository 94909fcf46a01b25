"""The controls of an edit: which are shown, what they hold, and what of them is asked for."""

from __future__ import annotations

import re
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from tests.makers import grays, noise, save_video
from tests.ui.test_form_events import TINY, Person, someone
from wan_demo import catalog
from wan_demo.catalog import EXAMPLE_MEDIA
from wan_demo.domain.edit import OF_METHOD, Method
from wan_demo.domain.request import Task
from wan_demo.ui import edit
from wan_demo.ui import form as f
from wan_demo.ui.mask import NAME
from wan_demo.ui.values import lent

__all__ = ["someone"]

CLIP = str(EXAMPLE_MEDIA / "red-circle.mp4")
"""17 frames at 8 fps."""

PICTURE = str(EXAMPLE_MEDIA / "blue-circle.png")


@pytest.fixture
def editor(someone):
    """Somebody in Style edit."""

    def editor(spec=TINY) -> Person:
        person = someone(spec)
        person.values[person.events._state.task] = Task.VIDEO_TO_VIDEO.value
        person.does(person.events.choose_task)
        return person

    return editor


@pytest.fixture
def long_clip(tmp_path) -> str:
    """10 s at 8 fps."""
    return str(save_video(tmp_path / "long.mp4", grays(80) // 4, fps=8))


def given(person: Person, task: str = "video_to_video") -> dict[str, Any]:
    return person.at.form.given(person.values, task, person.service.models)


def test_a_method_brings_its_own_controls_and_defaults(editor):
    person = editor()
    person.does(person.events.choose_method, method="flow_edit")
    own = TINY.defaults.edit
    assert person.shows("strength") == own.strength
    assert person.shows("guidance_scale") == own.guidance_scale
    updates = person.events.choose_method(person.values)
    mine = person.at.form.components()
    shown = {name for name in OF_METHOD if updates[mine[name]].constructor_args["visible"]}
    assert shown == {name for name, having in OF_METHOD.items() if Method.FLOW_EDIT in having}
    person.does(person.events.choose_method, method="renoise")
    assert person.shows("guidance_scale") == TINY.defaults.guidance_scale


def test_what_was_touched_stays_over_a_change_of_method_and_tab(editor):
    person = editor()
    person.values[person.at.form.guidance_scale] = 7.5
    person.does(person.events.choose_method, method="flow_edit", strength=0.35)
    assert (person.shows("guidance_scale"), person.shows("strength")) == (7.5, 0.35)
    person.values[person.events._state.task] = "text_to_video"
    person.does(person.events.choose_task)
    assert person.shows("guidance_scale") == 7.5


def test_each_tab_keeps_its_size(editor):
    person = editor()
    task = person.events._state.task
    person.values[person.at.form.width], person.values[person.at.form.height] = 128, 80
    person.values[task] = "image_to_video"
    person.does(person.events.choose_task)
    assert (person.shows("width"), person.shows("height")) == (128, 80)
    person.values[person.at.form.width], person.values[person.at.form.height] = 64, 112
    person.values[task] = "video_to_video"
    person.does(person.events.choose_task)
    assert (person.shows("width"), person.shows("height")) == (128, 80)
    person.values[task] = "image_to_video"
    person.does(person.events.choose_task)
    assert (person.shows("width"), person.shows("height")) == (64, 112)
    assert person.values[person.at.ratio] == "9:16"


@pytest.mark.parametrize("width", ["x" * 1000, [96], None])
def test_of_a_tab_nothing_is_kept_but_its_size(editor, width):
    person = editor()
    state = person.events._state
    before = person.values[state.sizes]
    person.values[state.fitted], person.values[state.task] = ["no tab"], "image_to_video"
    person.values[person.at.form.width] = width
    assert person.events.choose_task(person.values)[state.sizes] == before


@pytest.mark.parametrize("frames", [5, 9, 11])
def test_a_video_of_one_length_or_none_has_a_slider_too(editor, tmp_path, frames):
    clip = save_video(tmp_path / "short.mp4", grays(frames) // 4, fps=8)
    person = editor()
    person.does(person.events.receive_medium, video=str(clip))
    updates = person.events.plan(person.values)
    slider = updates[person.at.form.num_frames].constructor_args
    assert (slider["minimum"], slider["maximum"]) == (9, 13)


def test_guidance_goes_back_to_the_models_own_outside_of_edits(editor):
    person = editor()
    person.does(person.events.choose_method, method="flow_edit")
    person.values[person.events._state.task] = "text_to_video"
    person.does(person.events.choose_task)
    assert person.shows("guidance_scale") == TINY.defaults.guidance_scale
    person.values[person.events._state.task] = "video_to_video"
    person.does(person.events.choose_task)
    assert person.shows("guidance_scale") == TINY.defaults.edit.guidance_scale


@pytest.mark.parametrize("method", TINY.methods(Task.VIDEO_TO_VIDEO))
def test_only_what_the_method_uses_is_asked_for(editor, method):
    person = editor()
    person.does(person.events.choose_method, method=method.value)
    asked = given(person)
    for name, having in OF_METHOD.items():
        assert (name in asked) == (method in having), name
    assert "method" not in given(person, "text_to_video")
    assert {"fit"} == set(given(person, "image_to_video")) & {"fit", "speed", "sound", "mask"}


@pytest.mark.parametrize("spec", catalog.MODELS, ids=lambda spec: spec.id)
def test_the_form_of_every_model_asks_for_what_that_model_can_do(editor, spec):
    if Task.VIDEO_TO_VIDEO not in spec.tasks:
        pytest.skip("does not edit")
    person = editor()
    person.does(person.events.choose_model, model=spec.id)
    for method in spec.methods(Task.VIDEO_TO_VIDEO):
        person.does(person.events.choose_method, method=method.value)
        person.does(person.events.receive_medium, video=CLIP)
        person.values[person.at.form.prompt] = "a fox"
        request = person.service.plan(given(person)).request
        assert (request.method, request.model) == (method, spec.id)
        assert request.trim_end == (person.shows("trim_end") or None)
        assert request.num_frames == person.shows("num_frames")


def test_a_video_is_cut_to_what_the_model_makes_at_once(editor, long_clip):
    person = editor()
    person.does(person.events.receive_medium, video=long_clip)
    assert (person.shows("trim_start"), person.shows("trim_end")) == (0, 33 / 8)
    assert person.shows("num_frames") == 33


def cuts(person: Person, start: float, end: float) -> None:
    """The timeline's handles are moved."""
    event = gr.EventData(None, {"start": start, "end": end})
    person.does(lambda values: person.events.cut(values, event))


def test_frames_follow_the_cut_and_the_speed(editor, long_clip):
    person = editor()
    person.does(person.events.receive_medium, video=long_clip, prompt="a fox")
    person.values[person.at.form.duration] = "2"
    cuts(person, 1, 7)
    assert (person.shows("num_frames"), person.shows("trim_end")) == (45, 7)
    assert person.shows("duration") == ""
    assert "45 frames, 5.6 s at 8 fps" in person.values[person.at.plan]
    assert "from 1 s on" in person.values[person.at.plan]
    nothing = gr.EventData(None, None)
    person.does(lambda values: person.events.cut(values, nothing), speed=0.5)
    assert (person.shows("num_frames"), person.shows("trim_end")) == (93, 7)
    assert "93 frames, 11.6 s at 8 fps" in person.values[person.at.plan]
    assert "5.8 s" not in person.values[person.at.timeline]
    assert "11.6 s, 93 frames at 8 fps" in person.values[person.at.timeline]


def test_the_end_follows_the_number_of_frames(editor, long_clip):
    person = editor()
    person.does(person.events.receive_medium, video=long_clip, prompt="a fox")
    cuts(person, 1, 7)
    person.does(person.events.choose_frames, num_frames=17)
    assert person.shows("trim_end") == 1 + 17 / 8


def test_an_end_at_the_videos_own_is_left_open(editor, long_clip):
    person = editor()
    person.does(person.events.receive_medium, video=long_clip, prompt="a fox")
    cuts(person, 0, 9.99)
    assert (person.shows("num_frames"), person.shows("trim_end")) == (77, 0)
    assert person.service.plan(given(person)).request.trim_end is None


def test_of_a_video_that_is_too_short_no_frames_are_told(editor, tmp_path):
    person = editor()
    short = str(save_video(tmp_path / "short.mp4", grays(3), fps=8))
    person.does(person.events.receive_medium, video=short)
    person.does(person.events.plan)
    line = person.values[person.at.timeline]
    assert re.search("class='told'[^>]*></span>", line)
    assert "of 0.4 s" in line
    assert "must last at least" in person.values[person.at.plan]


def test_the_pictures_are_found_by_an_address_that_tells_nothing(editor, long_clip):
    person = editor()
    person.does(person.events.receive_medium, video=long_clip, prompt="a fox")
    cuts(person, 1.5, 7)
    shown = person.values[person.at.timeline] + person.values[person.at.board]
    (look,) = set(re.findall(r"glimpses/(\w+)", shown))
    assert long_clip not in shown
    assert f"src='glimpses/{look}/strip'" in person.values[person.at.timeline]
    assert f"src='glimpses/{look}/frame?at=1.500'" in person.values[person.at.board]
    assert person.service.glimpses.strip(look)
    person.does(person.events.receive_medium, video=CLIP)
    person.does(person.events.plan)
    assert look not in person.values[person.at.timeline]


@pytest.mark.parametrize("told", [{"start": "x", "end": 1}, {"start": -1, "end": 2}, {}, None, 7])
def test_what_is_no_cut_changes_none(editor, long_clip, told):
    person = editor()
    person.does(person.events.receive_medium, video=long_clip, prompt="a fox")
    event = gr.EventData(None, told)
    person.does(lambda values: person.events.cut(values, event))
    assert (person.shows("trim_start"), person.shows("trim_end")) == (0, 33 / 8)


def test_the_frames_slider_ends_where_the_video_does(editor, long_clip):
    person = editor()
    person.does(person.events.receive_medium, video=long_clip, prompt="a fox")

    def most() -> int:
        updates = person.events.plan(person.values)
        return updates[person.at.form.num_frames].constructor_args["maximum"]

    assert most() == 77
    cuts(person, 4, 9.9)
    assert most() == 45
    person.values[person.events._state.task] = "text_to_video"
    assert most() == TINY.limits.max_frames
    person.does(person.events.choose_task)
    assert person.shows("num_frames") == TINY.defaults.num_frames


def test_the_line_asks_for_what_the_video_becomes(editor):
    person = editor()
    person.does(person.events.plan, video=CLIP, prompt=" ")
    assert "Say what your video becomes." in person.values[person.at.plan]


def test_another_models_methods_take_the_place_of_these(editor):
    person = editor()
    person.does(person.events.choose_method, method="flow_edit")
    person.does(person.events.choose_model, model="wan2.1-vace-1.3b")
    assert person.shows("method") == "vace"
    assert edit.methods(catalog.find("wan2.1-vace-1.3b"))["choices"] == [("VACE", "vace")]
    assert not f.is_shown("strength", catalog.find("wan2.1-vace-1.3b"), "vace")


def tells(person: Person, handler, **told: str) -> None:
    """A button of the page's own HTML is pressed."""
    event = gr.EventData(None, told)
    person.does(lambda values: handler(values, event))


def test_a_style_writes_prompt_method_and_strength(editor):
    person = editor()
    person.values[person.at.form.prompt] = "a red circle moving right on a black background"
    tells(person, person.events.style, name="Cyan")
    assert person.shows("prompt") == "a cyan circle moving right on a black background"
    assert (person.shows("method"), person.shows("strength")) == ("flow_edit", 0.45)
    assert person.shows("guidance_scale") == TINY.defaults.edit.guidance_scale
    before = dict(person.values)
    tells(person, person.events.style, name="Baroque")
    assert person.values == before


def test_one_style_takes_the_place_of_another(editor):
    person = editor(catalog.find("wan2.1-t2v-1.3b"))
    person.values[person.at.form.prompt] = "a fox in a wood"
    tells(person, person.events.style, name="Film noir")
    assert person.shows("negative_prompt").startswith("color, cartoon")
    tells(person, person.events.style, name="Golden hour")
    assert person.shows("prompt").startswith("a fox in a wood, at golden hour.")
    assert "film noir" not in person.shows("prompt").lower()
    person.values[person.at.form.source_prompt] = "a dog on a beach"
    tells(person, person.events.style, name="Pixel art")
    assert person.shows("prompt").startswith("Pixel art of a dog on a beach.")
    assert person.shows("method") == "renoise"


def test_a_drawn_mask_is_taken_and_goes_with_its_video(editor, long_clip):
    person = editor()
    person.does(person.events.receive_medium, video=long_clip, prompt="a fox")
    drawn = lent(NAME)
    Image.new("L", (64, 64), 255).save(drawn)
    tells(person, person.events.take_drawn, path=str(drawn))
    assert person.service.plan(given(person)).request.mask == str(drawn)
    person.does(person.events.plan)
    assert "masked" in person.values[person.at.plan]
    assert "data-drawn='yes'" in person.values[person.at.board]
    person.does(person.events.receive_medium, video=CLIP)
    assert person.shows("mask") is None


@pytest.mark.parametrize("path", ["/etc/hostname", "../../etc/hostname", "", "nul\0"])
def test_a_drawn_mask_that_names_another_file_is_none(editor, path):
    person = editor()
    tells(person, person.events.take_drawn, path=path)
    assert not person.shows("mask")


def test_clear_leaves_a_mask_that_was_uploaded(editor, tmp_path):
    person = editor()
    person.does(person.events.wipe_drawn, mask=str(tmp_path / "mine.png"))
    assert person.shows("mask") == str(tmp_path / "mine.png")
    person.does(person.events.wipe_drawn, mask=str(tmp_path / NAME))
    assert person.shows("mask") is None


def test_a_mask_of_another_size_is_refused(editor, tmp_path):
    person = editor()
    Image.new("L", (32, 32), 255).save(tmp_path / "small.png")
    person.does(person.events.receive_medium, video=CLIP, mask=str(tmp_path / "small.png"))
    person.does(person.events.plan, prompt="a star")
    assert "must have the size of the video, 256x256" in person.values[person.at.plan]


def test_reference_pictures_go_with_the_models_that_take_them(editor, tmp_path):
    vace = catalog.find("wan2.1-vace-1.3b")
    person = editor()
    box = person.at.form.reference_images
    assert box.visible is False
    updates = person.events.choose_model({**person.values, person.at.form.model: vace.id})
    assert updates[box].constructor_args["visible"] is True
    person.does(person.events.choose_model, model=vace.id)
    noise((32, 32)).save(tmp_path / "dog.png")
    files = [str(tmp_path / "dog.png")]
    person.does(person.events.receive_medium, video=CLIP, reference_images=files, prompt="a dog")
    assert person.service.plan(given(person)).request.reference_images == tuple(files)
    assert "reference_images" in given(person, "text_to_video")
    scale = person.at.form.conditioning_scale
    assert updates[scale].constructor_args["visible"] is True
    person.values[scale] = 0.4
    for task in ("text_to_video", "video_to_video"):
        assert person.service.plan(given(person, task)).request.conditioning_scale == 0.4
    person.does(person.events.choose_model, model=TINY.id)
    assert "reference_images" not in given(person)
    assert "conditioning_scale" not in given(person)


@pytest.mark.parametrize("task", ["image_to_video", "video_to_video"])
def test_an_examples_prompt_goes_when_ones_own_picture_or_video_comes(editor, task):
    person = editor()
    person.values[person.events._state.task] = task
    medium = {"image": PICTURE} if task == "image_to_video" else {"video": CLIP}
    outdated = person.events._state.outdated
    person.does(person.events.receive_medium, prompt="a fox", **medium)
    assert person.values[outdated] == ""
    example = TINY.examples[Task.TEXT_TO_VIDEO][0].prompt
    person.does(person.events.receive_medium, prompt=example, **medium)
    assert person.values[outdated] == example
    assert person.shows("prompt") == example


def test_what_is_wrong_with_a_video_is_said_before_a_prompt_is_asked_for(editor, tmp_path):
    person = editor()
    (tmp_path / "a.mp4").write_text("no video")
    person.does(person.events.receive_medium, video=str(tmp_path / "a.mp4"), prompt="")
    person.does(person.events.plan)
    assert "<b>Video</b> must be" in person.values[person.at.plan]
    person.does(person.events.receive_medium, video=CLIP)
    person.does(person.events.plan)
    assert "Say what your video becomes." in person.values[person.at.plan]
