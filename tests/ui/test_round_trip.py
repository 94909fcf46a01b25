"""What an edit was made by, through its MP4 and the form, to the same request again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.makers import grays, noise, save_video, tones
from tests.ui.test_library import Visitor, ada
from wan_demo import catalog
from wan_demo.domain.edit import OF_METHOD, Colors, Direction, Fit, Guide, Method, Sound
from wan_demo.domain.files import each
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import INPUTS, GenerationRequest, Task
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.media.encode import write_mp4
from wan_demo.media.folder import DataFolder
from wan_demo.service import Service
from wan_demo.ui import clip_events

__all__ = ["ada"]

MODELS = ("wan-tiny", "wan2.2-t2v-a14b", "wan2.1-vace-1.3b")
"""One with few sizes, one with two experts, one that has a method of its own."""

EDITORS = [
    (spec, method)
    for spec in map(catalog.find, MODELS)
    for method in spec.methods(Task.VIDEO_TO_VIDEO)
]
SECONDS = 12
TIMES = 3
"""How often each model and method, by other values each time."""


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """A video that sounds, masks of both kinds, and pictures."""
    folder = tmp_path_factory.mktemp("media")
    frames = save_video(
        folder / "video.mp4", grays(24).repeat(SECONDS // 3, 0), sound=tones(*[400] * SECONDS)
    )
    Image.new("L", (64, 64), 255).save(folder / "mask.png")
    for number in range(3):
        noise((64, 64 + number)).save(folder / f"{number}.png")
    masks = [folder / "mask.png", save_video(folder / "mask.mp4", grays(16))]
    return {"video": frames, "masks": masks, "pictures": [folder / f"{n}.png" for n in range(3)]}


@pytest.fixture
def anything(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Every model counts as here; a file that is lent stays where it lies, as it is not changed."""
    monkeypatch.setattr(service, "is_available", lambda _spec: True)
    monkeypatch.setattr(clip_events, "lend", lambda path, name: str(path))
    return service


def chosen(
    draw: random.Random, spec: ModelSpec, method: Method, media: Mapping[str, Any]
) -> dict[str, Any]:
    """Values that somebody may give for an edit; about a third is left open."""
    start = round(draw.uniform(0, 3), 3)
    limits = spec.limits
    sides = [limits.min_side, *(side for size in spec.sizes.values() for side in size)]
    values = {
        "trim_start": draw.choice([0.0, start]),
        "trim_end": round(draw.uniform(8, SECONDS), 3),
        "speed": draw.choice([0.25, 0.73, 1.0, 1.333]),
        "direction": draw.choice([*Direction]),
        "fit": draw.choice([*Fit]),
        "sound": draw.choice([*Sound]),
        "colors": draw.choice([*Colors]),
        "strength": round(draw.uniform(0.4, 1), 3),
        "source_prompt": draw.choice(["", "a gray (square:1.2)\nthat waits"]),
        "source_guidance_scale": draw.choice([1.0, 3.25, 20.0]),
        "n_min": draw.randint(0, 1),
        "n_avg": draw.randint(1, 8),
        "conditioning_scale": draw.choice([0.0, 0.37, 1.0, 2.0]),
        "guide": draw.choice([*Guide]),
        "mask": str(draw.choice(media["masks"])),
        "width": draw.choice(sides),
        "guidance_scale": draw.choice([1.0, 4.321]),
        "guidance_scale_2": draw.choice([1.0, 4.321]),
        "negative_prompt": draw.choice(["", "rain"]),
        "prompt_end": draw.choice(["", "a (star:0.5)"]),
        "duration": draw.choice([1.234, 2.0]),
        "scheduler": draw.choice(["euler", "unipc"]),
        "flow_shift": draw.choice([1.0, 3.14]),
        "num_videos_per_prompt": 1,
        "reference_images": [str(each) for each in draw.sample(media["pictures"], 2)],
    }
    takes = spec.takes(Task.VIDEO_TO_VIDEO)
    optional = {"strength", "conditioning_scale", "guidance_scale_2", "reference_images"}
    return {
        name: value
        for name, value in values.items()
        if draw.random() < 2 / 3
        and method in OF_METHOD.get(name, (method,))
        and (name not in optional or name in takes)
        and (name not in ("flow_shift", "scheduler") or spec.scheduler == "unipc")
    }


def kept(request: GenerationRequest, folder: DataFolder) -> GenerationRequest:
    """The request as it is accepted, its inputs named by their content."""
    files = {
        name: tuple(folder.keep_input(Path(file)) for file in each(getattr(request, name)))
        for name in INPUTS
    }
    named = {n: f if n == "reference_images" else next(iter(f), None) for n, f in files.items()}
    return request.model_copy(update=named)


def said(request: GenerationRequest) -> dict[str, Any]:
    """Its values; that nothing is cut off the start can be said in two ways."""
    return {**request.model_dump(), "trim_start": request.trim_start or None}


@pytest.mark.parametrize(
    ("spec", "method"), EDITORS, ids=[f"{spec.id}-{method}" for spec, method in EDITORS]
)
def test_an_edit_comes_back_whole(
    ada: Visitor,
    anything: Service,
    store: MemoryJobStore,
    media: Mapping[str, Any],
    tmp_path: Path,
    spec: ModelSpec,
    method: Method,
):
    draw = random.Random(f"{spec.id} {method}")
    whole = {"task": "video_to_video", "model": spec.id, "method": method, "prompt": "a red star"}
    for _ in range(TIMES):
        given = {**whole, "video": str(media["video"]), **chosen(draw, spec, method, media)}
        made = kept(anything.plan(given).request, anything.folder)
        store.add(made, "ada")
        assert said(kept(through_the_form(ada, made, tmp_path), anything.folder)) == said(made)


def through_the_form(ada: Visitor, made: GenerationRequest, folder: Path) -> GenerationRequest:
    """What the form asks for once an MP4 of the request was dropped on the page."""
    service = ada.clips._service
    write_mp4(grays(9), 8, folder / "clip.mp4", {"request": made.model_dump(mode="json")})
    ada.values[ada.at.clip_file] = str(folder / "clip.mp4")
    ada.does(ada.clips.open_file)
    assert "Settings restored" in ada.notice
    form = ada.at.form.given(ada.values, "video_to_video", service.models)
    return service.plan(form).request
