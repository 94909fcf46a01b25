"""What every engine does, with a model and without."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from tests.makers import grays, quarters, request
from wan_demo import catalog
from wan_demo.bootstrap import make_locate
from wan_demo.domain.events import (
    Decoding,
    Event,
    Finished,
    Frames,
    Loading,
    Pass,
    Planned,
    Ready,
    Step,
)
from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.engine.base import Engine, Inputs
from wan_demo.engine.fake import FakeEngine
from wan_demo.settings import Settings

REQUESTS = {
    Task.TEXT_TO_VIDEO: request(num_inference_steps=2),
    Task.IMAGE_TO_VIDEO: request(task="image_to_video", image="i", num_inference_steps=2),
    Task.VIDEO_TO_VIDEO: request(
        task="video_to_video", video="v", strength=0.7, num_inference_steps=3
    ),
}
INPUTS = {
    Task.TEXT_TO_VIDEO: Inputs(),
    Task.IMAGE_TO_VIDEO: Inputs(image=quarters((64, 64))[None]),
    Task.VIDEO_TO_VIDEO: Inputs(video=grays(9)),
}


def _fake() -> Engine:
    return FakeEngine()


@cache  # loading takes seconds, and one engine for all is how it is used
def _pipeline() -> Engine:
    from wan_demo.engine.pipelines.engine import PipelineEngine

    return PipelineEngine(catalog.find, make_locate(Settings()), "cpu")


@pytest.fixture(params=[_fake, _pipeline], ids=["fake", "pipeline"])
def engine(request: pytest.FixtureRequest) -> Engine:
    make: Callable[[], Engine] = request.param
    return make()


@pytest.fixture(params=Task)
def task(request: pytest.FixtureRequest) -> Task:
    return request.param


def events(engine: Engine, task: Task, **changes) -> list[Event]:
    made = GenerationRequest.model_validate({**REQUESTS[task].model_dump(), **changes})
    return list(engine.generate(made, INPUTS[task]))


def frames(engine: Engine, task: Task, **changes) -> Frames:
    last = events(engine, task, **changes)[-1]
    assert isinstance(last, Finished)
    return last.frames


def test_events_come_in_order(engine: Engine, task: Task):
    between = (Planned, Loading, Ready, Pass)
    happened = [event for event in events(engine, task) if not isinstance(event, between)]
    *steps, decoding, finished = happened
    assert isinstance(decoding, Decoding)
    assert isinstance(finished, Finished)
    assert all(isinstance(step, Step) for step in steps)
    total = REQUESTS[task].effective_steps
    assert [(s.index, s.total) for s in steps if isinstance(s, Step)] == [
        (index, total) for index in range(1, total + 1)
    ]


def test_frames_are_as_the_request_says(engine: Engine, task: Task):
    made = frames(engine, task)
    assert made.shape == (9, 64, 64, 3)
    assert made.dtype == np.uint8


def test_a_preview_has_the_requests_size(engine: Engine):
    made = events(engine, Task.TEXT_TO_VIDEO, num_inference_steps=4)
    previews = [e.preview for e in made if isinstance(e, Step) and e.preview is not None]
    assert previews
    assert all(preview.shape[1:] == (64, 64, 3) for preview in previews)


def test_loading_is_told_before_the_first_run_only(engine: Engine):
    events(engine, Task.TEXT_TO_VIDEO)
    again = events(engine, Task.IMAGE_TO_VIDEO)
    assert not any(isinstance(event, (Loading, Ready)) for event in again)


def test_the_same_seed_gives_the_same_frames_whatever_ran_before(engine: Engine, task: Task):
    first = frames(engine, task, seed=7)
    other = next(each for each in Task if each is not task)
    frames(engine, other, seed=8, num_inference_steps=4, prompt="a blue star")
    run = engine.generate(REQUESTS[Task.TEXT_TO_VIDEO], INPUTS[Task.TEXT_TO_VIDEO])
    next(run)
    run.close()
    assert (frames(engine, task, seed=7) == first).all()


@pytest.mark.parametrize(
    "other", [{"seed": 2}, {"prompt": "a blue star"}, {"prompt_end": "a star"}]
)
def test_another_seed_or_prompt_gives_other_frames(engine: Engine, other):
    first = frames(engine, Task.TEXT_TO_VIDEO)
    assert (frames(engine, Task.TEXT_TO_VIDEO, **other) != first).any()


def test_closing_stops_and_the_next_run_is_whole(engine: Engine):
    long = GenerationRequest.model_validate(
        {**REQUESTS[Task.TEXT_TO_VIDEO].model_dump(), "num_inference_steps": 100}
    )
    run = engine.generate(long, Inputs())
    assert any(isinstance(event, Step) for event in run)
    run.close()
    with pytest.raises(StopIteration):
        next(run)
    assert frames(engine, Task.TEXT_TO_VIDEO).shape == (9, 64, 64, 3)


def test_what_made_the_frames_is_told(engine: Engine):
    last = events(engine, Task.TEXT_TO_VIDEO)[-1]
    assert isinstance(last, Finished)
    assert "device" in last.provenance
    assert all(isinstance(value, str) for value in last.provenance.values())
