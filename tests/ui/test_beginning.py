"""Image to video that goes on from a video: in its box, from a clip's button, from a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from tests.makers import grays, noise, request, save_video
from tests.ui.test_form_events import Person, someone
from tests.ui.test_library import Visitor, ada, bob, make
from wan_demo import catalog
from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.ui import beginning, values, words

__all__ = ["ada", "bob", "make", "someone"]

TINY, PAIR = catalog.BUNDLED, catalog.find("wan2.1-flf2v-14b-720p")
I2V = Task.IMAGE_TO_VIDEO


@pytest.fixture
def video(tmp_path) -> str:
    """2.125 s at 8 fps, 96x64."""
    return str(save_video(tmp_path / "video.mp4", grays(17, (96, 64))))


@pytest.fixture
def animator(someone):
    """Somebody in Image to video."""

    def animator() -> Person:
        person = someone(TINY)
        person.values[person.events._state.task] = I2V.value
        return person

    return animator


def given(person: Person) -> dict[str, Any]:
    return person.at.form.given(person.values, I2V.value, person.service.models)


def plan(person: Person) -> str:
    person.does(person.events.plan)
    return person.values[person.at.plan]


def test_a_picture_begins_until_a_video_is_chosen(animator, video, tmp_path):
    person = animator()
    noise((64, 64)).save(tmp_path / "a.png")
    form = person.at.form
    person.values |= {form.image: str(tmp_path / "a.png"), form.continued: video}
    assert "video" not in given(person)
    assert person.service.plan(given(person)).request.image is not None
    person.values[form.begin] = beginning.VIDEO
    made = person.service.plan(given(person)).request
    assert (made.image, made.video) == (None, video)
    person.values[form.begin] = beginning.PICTURE
    assert person.service.plan(given(person)).request.video is None


def test_it_asks_for_what_it_begins_with(animator, video):
    person = animator()
    assert "Add the picture" in plan(person)
    person.values[person.at.form.begin] = beginning.VIDEO
    assert "Add the video to continue." in plan(person)
    person.values[person.at.form.continued] = video
    assert "Will run" in plan(person)


def test_the_line_says_what_is_joined_to_what(animator, video):
    person = animator()
    form = person.at.form
    person.does(person.events.receive_beginning, begin=beginning.VIDEO, continued=video)
    line = plan(person)
    assert "33 frames, 4.1 s at 8 fps, 16 new frames joined to 17" in line
    person.values[form.duration] = "1"
    assert "24 frames, 3 s at 8 fps, 7 new frames joined to 17" in plan(person)


def test_the_size_follows_the_video_and_a_former_cut_goes(animator, video):
    person = animator()
    person.values[person.at.form.continued_cut] = {"trim_start": 1.0}
    person.does(person.events.receive_beginning, begin=beginning.VIDEO, continued=video)
    assert (person.shows("width"), person.shows("height")) == (112, 80)
    assert person.shows("continued_cut") == {}


def test_the_size_follows_it_before_a_needed_last_picture_is_here(animator, video):
    person = animator()
    person.does(person.events.choose_model, model=PAIR.id)
    person.does(person.events.receive_beginning, begin=beginning.VIDEO, continued=video)
    assert person.shows("width") / person.shows("height") == pytest.approx(1.5, abs=0.05)
    assert "Add the picture that the video ends with." in plan(person)


def test_what_is_no_video_changes_nothing_and_says_why(animator, tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    person = animator()
    before = person.shows("width")
    chosen = {"begin": beginning.VIDEO, "continued": str(tmp_path / "a.mp4")}
    person.does(person.events.receive_beginning, **chosen)
    assert person.shows("width") == before
    assert "<b>Video</b> must be" in plan(person)


def test_another_model_keeps_the_video(animator, video):
    person = animator()
    chosen = {"begin": beginning.VIDEO, "continued": video}
    person.does(person.events.choose_model, model="wan2.2-ti2v-5b", **chosen)
    assert (person.shows("begin"), person.shows("continued")) == (beginning.VIDEO, video)


@pytest.mark.parametrize("held", ["x", [1], None, 5, {"image": "/etc/passwd", "prompt": "x"}])
def test_the_hidden_box_holds_nothing_but_a_cut(animator, video, held):
    person = animator()
    form = person.at.form
    person.values |= {form.begin: "video", form.continued: video, form.continued_cut: held}
    made = given(person)
    assert made["image"] is None
    assert made["prompt"] == person.shows("prompt")
    assert not set(beginning.CUT) & set(made)


def test_a_start_that_is_refused_is_mended_in_this_tab_alone(animator, tmp_path):
    person = animator()
    form = person.at.form
    long = save_video(tmp_path / "long.mp4", grays(20) // 4, times_ms=[i * 7000 for i in range(20)])
    person.values |= {form.begin: beginning.VIDEO, form.continued: str(long)}
    line = plan(person)
    assert "as a clip has at most 1,025 frames" in line
    (least,) = re.findall("data-value='([^']*)'", line)
    event = gr.EventData(None, {"field": "trim_start", "value": least})
    person.does(lambda values: person.events.fix(values, event))
    assert person.shows("trim_start") == 0
    assert "Will run" in plan(person)


def press(visitor: Visitor, event: Any, job: Any, **told: str) -> None:
    data = {"job": visitor.links.job(job.id), **told}
    visitor._take(event(visitor.values, gr.EventData(None, data)))


def field(visitor: Visitor, name: str) -> Any:
    return visitor.values[visitor.at.form.components()[name]]


def shown(visitor: Visitor, *names: str) -> list[Any]:
    return [field(visitor, name) for name in names]


def test_a_clip_is_continued_as_it_was_made(ada, make, folder):
    job = make(prompt="a star", width=96, num_inference_steps=5, flow_shift=4, num_frames=13)
    press(ada, ada.clips.extend, job)
    assert Path(field(ada, "continued")).read_bytes() == (
        folder.video(job.outputs[0].file).read_bytes()
    )
    assert shown(ada, "begin", "prompt", "model") == [beginning.VIDEO, "a star", TINY.id]
    assert shown(ada, "width", "height", "num_frames") == [96, 64, 13]
    assert shown(ada, "num_inference_steps", "flow_shift") == [5, "4"]
    assert ada.changed[ada.at.tabs]["selected"] == I2V.value
    assert ada.values[ada.state.fitted] == I2V.value
    folder.video(job.outputs[0].file).unlink()
    press(ada, ada.clips.extend, job)
    assert "The file of this clip is gone." in ada.notice


def test_of_several_clips_the_shown_one_is_continued(ada, make, folder):
    job = make(num_videos_per_prompt=2)
    press(ada, ada.clips.extend, job, clip="1")
    second = folder.video(job.outputs[1].file).read_bytes()
    assert Path(field(ada, "continued")).read_bytes() == second


def test_an_edits_own_length_and_guidance_are_not_those_of_what_follows(ada):
    made = request(task="video_to_video", num_frames=101, guidance_scale=9, method="flow_edit")
    kept = beginning.kept(made)
    assert kept["num_inference_steps"] == 3
    assert not {"num_frames", "guidance_scale", "strength", "method"} & set(kept)
    assert beginning.kept(request(guidance_scale=2.5, num_frames=13))["num_frames"] == 13


def test_a_clip_of_a_model_that_can_not_go_on_is_continued_by_one_that_can(ada, make):
    job = make(model="wan2.1-t2v-1.3b", width=832, height=480, prompt="a fox", flow_shift=7)
    press(ada, ada.clips.extend, job)
    assert shown(ada, "model", "prompt", "flow_shift") == [TINY.id, "a fox", ""]
    width, height = shown(ada, "width", "height")
    assert width / height == pytest.approx(832 / 480, abs=0.1)
    assert width * height <= TINY.limits.max_area


@pytest.fixture
def joined(store, folder, worker, video):
    """A clip that somebody made by going on from half a second of a video, without its sound."""

    def joined(owner: str) -> Any:
        name = folder.keep_input(Path(video))
        cut = {"trim_start": 0.5, "trim_end": 1.0, "speed": 2.0, "direction": "reversed"}
        changes = {"task": I2V, "video": name, "sound": "none", "fit": "crop", **cut}
        job = store.add(request(**changes), owner)
        assert worker.run_once()
        return store.get(job.id)

    return joined


def asked(visitor: Visitor) -> dict[str, Any]:
    service = visitor.clips._service
    return visitor.at.form.given(visitor.values, I2V.value, service.models)


def test_settings_of_a_continued_clip_come_back_to_its_own_tab(ada, joined, video):
    job = joined("ada")
    ada.presses(ada.clips.reuse, job=job.id)
    assert field(ada, "begin") == beginning.VIDEO
    assert Path(field(ada, "continued")).read_bytes() == Path(video).read_bytes()
    assert field(ada, "video") is None
    assert shown(ada, "trim_start", "trim_end", "speed", "direction") == [0, 0, 1.0, "forward"]
    assert ada.changed[ada.at.tabs]["selected"] == I2V.value
    again = ada.clips._service.plan(asked(ada)).request
    assert again == job.request.model_copy(update={"video": field(ada, "continued")})


def test_so_do_those_of_its_file_and_the_video_for_its_owner_alone(ada, bob, joined, video, folder):
    path = str(folder.video(joined("ada").outputs[0].file))
    for visitor, has_video in ((ada, True), (bob, False)):
        visitor.values[visitor.at.clip_file] = path
        visitor.does(visitor.clips.open_file)
        assert field(visitor, "begin") == beginning.VIDEO
        assert bool(field(visitor, "continued")) is has_video
        assert ("Add its video" in visitor.notice) is not has_video
        assert visitor.changed[visitor.at.tabs]["selected"] == I2V.value


def test_a_picture_or_another_task_takes_its_place(ada, make, joined, tmp_path, folder):
    noise((64, 64)).save(tmp_path / "a.png")
    job = make("ada", task=I2V, image=folder.keep_input(tmp_path / "a.png"))
    ada.presses(ada.clips.reuse, job=joined("ada").id)
    ada.presses(ada.clips.reuse, job=job.id)
    assert field(ada, "begin") == beginning.PICTURE
    ada.presses(ada.clips.reuse, job=joined("ada").id)
    press(ada, ada.clips.animate, job, time="0.5")
    assert field(ada, "begin") == beginning.PICTURE
    assert "video" not in asked(ada)


def test_a_reload_keeps_the_choice_and_uploads_and_no_other_file(animator, video):
    mine = values.lend(Path(video), "my.mp4")
    for told, shown in ((mine, mine), ("/etc/passwd", None), (f"{mine}.gone", None), (["x"], None)):
        person, cut = animator(), {"trim_end": 1.0}
        kept = {"begin": "video", "continued": told, "continued_cut": {**cut, "prompt": "no"}}
        person.values[person.at.kept] = {"model": TINY.id, "task": I2V.value, **kept}
        person.does(person.events.restore)
        assert (person.shows("begin"), person.shows("continued")) == ("video", shown)
        assert person.shows("continued_cut") == cut


def test_a_clips_facts_say_what_was_joined():
    made: GenerationRequest = request(task=I2V, video="v", trim_end=2.0)
    assert "8 new frames joined to 16" in words.facts(made)
    assert not any("joined" in fact for fact in words.facts(request()))
