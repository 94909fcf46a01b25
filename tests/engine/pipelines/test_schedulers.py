"""The solvers: their noise levels, and one of its own for each run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests import replicas
from tests.engine.pipelines.test_calls import inputs, request
from wan_demo import catalog
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Finished, Step
from wan_demo.domain.request import Task
from wan_demo.domain.scheduler import Scheduler
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.engine.pipelines.schedulers import new_scheduler

SPEC = catalog.find("wan2.1-t2v-1.3b")


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> PipelineEngine:
    folder = replicas.publish(SPEC, tmp_path_factory.mktemp("replica"))
    return PipelineEngine(catalog.find, lambda *_: Checkpoint(folder, {}, {}), "cpu")


def run(engine: PipelineEngine, **changes: Any) -> Finished:
    asked = request(SPEC, Task.TEXT_TO_VIDEO).model_copy(update=changes)
    made = list(engine.generate(asked, inputs(SPEC, Task.TEXT_TO_VIDEO)))
    assert sum(isinstance(event, Step) for event in made) == asked.num_inference_steps
    assert isinstance(made[-1], Finished)
    return made[-1]


@pytest.mark.parametrize("name", Scheduler)
@pytest.mark.parametrize("shift", [1.0, 3.0, 12.0])
def test_the_noise_levels_are_shifted(name, shift):
    """``shift * s / (1 + (shift - 1) * s)``, from SD3's paper (arXiv 2403.03206, eq. 23)."""
    plain, shifted = new_scheduler(name, 1.0), new_scheduler(name, shift)
    for scheduler in (plain, shifted):
        scheduler.set_timesteps(8, device="cpu")
    sigma = plain.sigmas[1:-1]
    expected = shift * sigma / (1 + (shift - 1) * sigma)
    assert torch.allclose(shifted.sigmas[1:-1], expected, atol=1e-3)


def test_each_scheduler_makes_frames_of_its_own_and_says_so(engine):
    own = run(engine)
    assert (own.provenance["scheduler"], own.provenance["flow_shift"]) == ("unipc", "5")
    made = {name: run(engine, scheduler=name) for name in Scheduler}
    assert {name: each.provenance["scheduler"] for name, each in made.items()} == {
        name: name.value for name in Scheduler
    }
    assert np.array_equal(made[Scheduler.UNIPC].frames, own.frames)
    assert not np.array_equal(made[Scheduler.EULER].frames, own.frames)
    assert not np.array_equal(made[Scheduler.DPM].frames, made[Scheduler.EULER].frames)


def test_a_flow_shift_holds_for_its_own_run(engine):
    own = run(engine)
    shifted = run(engine, flow_shift=12.0)
    assert shifted.provenance["flow_shift"] == "12"
    assert not np.array_equal(shifted.frames, own.frames)
    assert np.array_equal(run(engine).frames, own.frames)
    assert np.array_equal(run(engine, flow_shift=5.0).frames, own.frames)
