"""Every task of every spec, on a replica of its checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import replicas
from tests.makers import grays, quarters
from wan_demo import catalog
from wan_demo.domain.architecture import Call
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Finished, Step
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.engine.base import Inputs
from wan_demo.engine.pipelines.engine import PipelineEngine

SIDE, FRAMES = 64, 9
KNOBS = ("strength", "conditioning_scale", "guidance_scale_2")
PLAIN = [s for s in catalog.MODELS if not (s.bundled or s.weights.replaced or s.weights.loras)]
CASES = [(spec, task) for spec in PLAIN for task in spec.tasks]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("replicas")
    return {spec.id: replicas.publish(spec, root / spec.id) for spec in PLAIN}


@pytest.fixture(scope="module")
def engine(folders) -> PipelineEngine:
    return PipelineEngine(
        catalog.find, lambda spec, *_: Checkpoint(folders[spec.id], {}, {}), "cpu"
    )


def inputs(spec: ModelSpec, task: Task) -> Inputs:
    picture = quarters((SIDE, SIDE))[None]
    if task is Task.IMAGE_TO_VIDEO:
        is_pair = spec.calls[task] is Call.FIRST_LAST
        return Inputs(image=picture, last_image=picture[:, ::-1].copy() if is_pair else None)
    if task is Task.VIDEO_TO_VIDEO:
        return Inputs(video=np.repeat(grays(FRAMES)[:, :1, :1], SIDE, 1).repeat(SIDE, 2))
    return Inputs()


def request(spec: ModelSpec, task: Task) -> GenerationRequest:
    knobs = {name: getattr(spec.defaults, name) for name in KNOBS if name in spec.takes(task)}
    return GenerationRequest.model_validate(
        {
            "task": task,
            "model": spec.id,
            "prompt": "a fox",
            "width": SIDE,
            "height": SIDE,
            "num_frames": FRAMES,
            "fps": 8,
            "num_inference_steps": 3,
            "guidance_scale": spec.defaults.guidance_scale,
            "seed": 1,
            **knobs,
            **dict.fromkeys(spec.needs(task), "file"),
        }
    )


@pytest.mark.parametrize(("spec", "task"), CASES, ids=lambda value: getattr(value, "id", value))
def test_every_task_of_every_spec_makes_its_frames(engine, spec: ModelSpec, task: Task):
    made = list(engine.generate(request(spec, task), inputs(spec, task)))
    last = made[-1]
    assert isinstance(last, Finished)
    assert last.frames.shape == (FRAMES, SIDE, SIDE, 3)
    previews = [e.preview for e in made if isinstance(e, Step) and e.preview is not None]
    assert previews
    assert all(preview.shape[1:] == (SIDE, SIDE, 3) for preview in previews)
