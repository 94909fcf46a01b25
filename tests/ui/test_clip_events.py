"""Clips that come back into the form: from the Library, and as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from tests.makers import grays, noise, request, save_video
from tests.ui.test_library import Visitor, ada, bob, make
from wan_demo.domain.request import GenerationRequest
from wan_demo.media.encode import write_mp4
from wan_demo.ui import edit

__all__ = ["ada", "bob", "make"]


@pytest.fixture
def clip(tmp_path):
    """A file that the app made, or something like it."""

    def clip(made: GenerationRequest | dict[str, Any]) -> str:
        told = made if isinstance(made, dict) else made.model_dump(mode="json")
        path = tmp_path / "clip.mp4"
        write_mp4(grays(9), 8, path, {"request": told})
        return str(path)

    return clip


def drop(visitor: Visitor, path: str) -> None:
    visitor.values[visitor.at.clip_file] = path
    visitor.values[visitor.at.notice] = ""
    visitor.does(visitor.clips.open_file)
    assert visitor.values[visitor.at.clip_file] is None


def field(visitor: Visitor, name: str) -> Any:
    return visitor.values[visitor.at.form.components()[name]]


def test_a_files_settings_go_into_the_form_whoever_made_it(bob, clip):
    made = request(prompt="a star", seed=7, num_frames=13, flow_shift=4, duration=1.5)
    drop(bob, clip(made))
    shown = {name: field(bob, name) for name in ("prompt", "seed", "num_frames", "width")}
    assert shown == {"prompt": "a star", "seed": 7, "num_frames": 13, "width": 64}
    assert (field(bob, "flow_shift"), field(bob, "duration")) == ("4", 1.5)
    assert bob.values[bob.at.lock] is True
    assert bob.changed[bob.at.tabs]["selected"] == "text_to_video"
    assert "Settings restored: Text to video, wan-tiny, seed 7." in bob.notice


def test_the_very_video_that_is_still_to_come_leaves_its_settings(bob, clip, folder, tmp_path):
    video, other = (save_video(tmp_path / f"{n}.mp4", grays(24)[: 24 - n]) for n in (0, 1))
    cut = {"trim_start": 0.5, "trim_end": 2.9, "speed": 1.5, "num_frames": 9}
    kept = folder.keep_input(video)
    drop(bob, clip(request(task="video_to_video", method="renoise", video=kept, **cut)))
    bob.values[bob.state.task] = "video_to_video"

    def bring(file: Path) -> dict[str, Any]:
        bob.values[bob.at.form.video] = str(file)
        bob._take(bob.clips.receive_medium(bob.values))
        return {name: field(bob, name) for name in cut}

    assert bring(video) == cut
    assert (field(bob, "width"), bob.values[bob.state.awaited]) == (64, "")
    assert bring(other) != cut


def test_so_does_the_very_video_to_continue(bob, clip, folder, tmp_path):
    video = save_video(tmp_path / "0.mp4", grays(24))
    cut = {"trim_start": 0.5, "speed": 1.5}
    made = {**cut, "direction": "forward", "width": 80, "height": 64}
    drop(bob, clip(request(task="image_to_video", video=folder.keep_input(video), **made)))
    for left, width in ((cut, 80), ({}, 96)):  # what comes after it is another one
        bob.values[bob.at.form.continued] = str(video)
        bob._take(bob.clips.receive_beginning(bob.values))
        assert field(bob, "continued_cut").items() >= left.items()
        assert (field(bob, "width"), bob.values[bob.state.awaited]) == (width, "")
    assert field(bob, "continued_cut") == {}


def test_a_rate_that_the_form_can_not_hold_is_told(bob, clip):
    drop(bob, clip(request(fps=24)))
    assert "It has 24 frames per second; here it becomes 8." in bob.notice


def test_its_picture_comes_only_for_whoever_used_that_very_one(
    ada, bob, make, clip, folder, tmp_path
):
    noise((64, 64)).save(tmp_path / "a.png")
    name = folder.keep_input(tmp_path / "a.png")
    job = make("ada", task="image_to_video", image=name)
    path = str(folder.video(job.outputs[0].file))
    drop(bob, path)
    assert not field(bob, "image")
    assert "Add its image: a clip holds its settings only." in bob.notice
    drop(ada, path)
    assert Path(field(ada, "image")).read_bytes() == (tmp_path / "a.png").read_bytes()
    assert "Add its" not in ada.notice
    ada.library._service.library.delete("ada", [job.id])
    drop(ada, clip(job.request))
    assert "Add its image" in ada.notice


def test_of_several_pictures_all_come_or_none(ada, bob, make, clip, folder, tmp_path):
    names = []
    for number in range(2):
        noise((64, 64 + number)).save(tmp_path / f"{number}.png")
        names.append(folder.keep_input(tmp_path / f"{number}.png"))
    vace = {"model": "wan2.1-vace-1.3b", "reference_images": tuple(names)}
    make("ada", **vace)
    make("bob", **{**vace, "reference_images": tuple(names[:1])})
    drop(bob, clip(request(**vace)))
    assert "Add its reference images: a clip holds its settings only." in bob.notice
    drop(ada, clip(request(**vace)))
    assert "Add its" not in ada.notice
    assert len(field(ada, "reference_images")) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"model": "sora-9"},
            "This clip was made with sora-9, a model that is not on this server.",
        ),
        ({"model": "<b>x</b>"}, "made with &lt;b&gt;x&lt;/b&gt;, a model"),
        ({"model": "m" * 50_000}, f"made with {'m' * 100}, a model"),
        ({"later": 1}, "This file was made by another version of this app, which has later."),
        ({"seed": -1}, "This file has damaged metadata: seed can&#x27;t be used."),
        (
            {"model": "wan2.1-flf2v-14b-720p"},
            "can&#x27;t do: text_to_video can&#x27;t be done by wan2.1-flf2v-14b-720p.",
        ),
    ],
)
def test_what_gives_no_settings_says_why_and_changes_nothing(bob, clip, changes, said):
    before = field(bob, "prompt")
    drop(bob, clip({**request(prompt="other").model_dump(mode="json"), **changes}))
    assert said in bob.notice
    assert field(bob, "prompt") == before


def test_half_a_character_in_a_name_can_be_answered(bob, clip):
    path = Path(clip({**request().model_dump(mode="json"), "model": "x@ud800y"}))
    path.write_bytes(path.read_bytes().replace(b"@ud800", b"\\ud800"))
    drop(bob, str(path))
    assert "made with xy, a model" in bob.notice


def test_a_file_that_is_no_clip_says_so(bob, tmp_path):
    noise((64, 64)).save(tmp_path / "a.png")
    drop(bob, str(tmp_path / "a.png"))
    assert "This file must be an MP4" in bob.notice


def test_the_shown_clip_of_a_job_is_what_comes_back(ada, make):
    job = make(num_videos_per_prompt=2, seed=7, prompt="two")
    ada.presses(ada.clips.reuse, job=job.id, clip="1")
    assert (field(ada, "seed"), field(ada, "prompt")) == (8, "two")
    assert field(ada, "num_videos_per_prompt") == 1
    ada.presses(ada.clips.reuse, job=job.id)
    assert (field(ada, "seed"), field(ada, "num_videos_per_prompt")) == (7, 2)


def test_the_shown_clip_and_frame_are_edited_and_animated(ada, make, folder):
    job = make(num_videos_per_prompt=2, seed=7)

    def press(event: Any, **told: str) -> None:
        data = {"job": ada.links.job(job.id), **told}
        ada._take(event(ada.values, gr.EventData(None, data)))

    cut = {"trim_start": 3.0, "trim_end": 5.0, "speed": 2.0}
    former = {**cut, "direction": "reversed", "mask": "mask.png"}
    ada.values |= {ada.at.form.components()[name]: value for name, value in former.items()}
    press(ada.clips.edit, clip="1")
    second = folder.video(job.outputs[1].file).read_bytes()
    assert Path(field(ada, "video")).read_bytes() == second
    assert {name: field(ada, name) for name in former} == edit.WHOLE  # none of another video's
    press(ada.clips.animate, clip="1", time="0.5")
    assert Path(field(ada, "image")).read_bytes()
    folder.video(job.outputs[1].file).unlink()
    press(ada.clips.edit, clip="1")
    assert "The file of this clip is gone." in ada.notice
