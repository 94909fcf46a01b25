"""What only the engine over diffusers does."""

from __future__ import annotations

import platform
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.contract.test_engine import INPUTS, REQUESTS, events
from wan_demo import catalog
from wan_demo.bootstrap import make_locate
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Finished, Frames, Step
from wan_demo.domain.request import Task
from wan_demo.engine.base import Inputs
from wan_demo.engine.pipelines import decoding
from wan_demo.engine.pipelines import engine as engine_module
from wan_demo.engine.pipelines.engine import PipelineEngine, usable
from wan_demo.errors import GenerationFailed, ModelUnavailable, OutOfMemory
from wan_demo.settings import Settings


@pytest.fixture(scope="module")
def engine() -> PipelineEngine:
    return PipelineEngine(catalog.find, make_locate(Settings()), "cpu")


def psnr(one: Frames, other: Frames) -> float:
    """Peak signal to noise of two pictures, in decibels."""
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / error))


def test_a_closed_run_never_decodes(engine, monkeypatch):
    decoded: list[object] = []
    monkeypatch.setattr(decoding, "decode", lambda *_: decoded.append(1))
    long = REQUESTS[Task.TEXT_TO_VIDEO].model_copy(update={"num_inference_steps": 100})
    run = engine.generate(long, Inputs())
    assert any(isinstance(event, Step) for event in run)
    run.close()
    assert decoded == []


def test_the_first_frame_is_the_image(engine):
    image = INPUTS[Task.IMAGE_TO_VIDEO].image
    assert image is not None
    last = events(engine, Task.IMAGE_TO_VIDEO)[-1]
    assert isinstance(last, Finished)
    assert psnr(last.frames[0], image[0]) >= 20


def test_previews_leave_out_the_frame_that_is_given(engine):
    made = events(engine, Task.IMAGE_TO_VIDEO, num_inference_steps=4)
    previews = [e.preview for e in made if isinstance(e, Step) and e.preview is not None]
    assert [len(preview) for preview in previews] == [2, 2]  # 9 frames are 3 latent ones


def test_what_made_the_frames_is_told_in_full(engine):
    last = events(engine, Task.TEXT_TO_VIDEO)[-1]
    assert isinstance(last, Finished)
    told = last.provenance
    assert told["model_revision"].startswith("sha256:")
    assert (told["device"], told["dtype"], told["batch"]) == ("cpu", "float32", "1")
    assert {"torch", "diffusers", "transformers", "av", "memory"} <= told.keys()
    assert int(told["threads"]) >= 1
    assert platform.machine() in told["device_name"]


def test_kernels_are_not_chosen_by_a_race(engine):
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.benchmark


def test_a_gpu_that_torch_cannot_use_gives_way_to_the_cpu(monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert usable("cuda") == "cpu"
    assert "can't use cuda" in caplog.text
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert (usable("cuda"), usable("cpu")) == ("cuda", "cpu")


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (AssertionError("Torch not compiled with CUDA enabled"), ModelUnavailable),
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        (torch.AcceleratorError("CUDA error: unspecified launch failure"), SystemExit),
    ],
)
def test_a_device_that_does_not_take_the_weights_is_said(monkeypatch, error, end):
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(torch.nn.Module, "to", refuse)
    engine = PipelineEngine(catalog.find, make_locate(Settings()), "cpu")
    with pytest.raises(end):
        list(engine.generate(REQUESTS[Task.TEXT_TO_VIDEO], Inputs()))


def test_a_clip_whose_vae_needs_less_room_leaves_the_rest_in_memory(monkeypatch):
    engine = PipelineEngine(catalog.find, make_locate(Settings()), "cpu")
    decide_for, seen = engine_module.decide_for, []

    def decide(request, *rest):
        decision = decide_for(request, *rest)
        vae_dtype = "bfloat16" if request.num_frames > 9 else "float32"
        return replace(decision, rung=replace(decision.rung, vae_dtype=vae_dtype))

    monkeypatch.setattr(engine_module, "decide_for", decide)
    for frames in (9, 13, 13, 9):
        small = REQUESTS[Task.TEXT_TO_VIDEO].model_copy(update={"num_frames": frames})
        list(engine.generate(small, Inputs()))
        assert engine._loaded is not None
        seen.append(engine._loaded.parts.copy())
    assert len({id(parts["transformer"]) for parts in seen}) == 1
    assert [parts["vae"].dtype for parts in seen] == [
        *(torch.float32, torch.bfloat16, torch.bfloat16, torch.float32)
    ]
    assert seen[1]["vae"] is seen[2]["vae"]


def test_a_medium_that_was_not_read_is_a_failure(engine):
    with pytest.raises(GenerationFailed):
        list(engine.generate(REQUESTS[Task.IMAGE_TO_VIDEO], Inputs()))


def test_a_pipeline_that_raises_is_a_failure_and_the_next_run_works(engine, monkeypatch):
    def explode(*_: object) -> None:
        raise RuntimeError("a bad tensor at /secret")

    with monkeypatch.context() as patch:
        patch.setattr(decoding, "decode", explode)
        with pytest.raises(GenerationFailed) as caught:
            events(engine, Task.TEXT_TO_VIDEO)
    assert "secret" not in str(caught.value)
    assert isinstance(events(engine, Task.TEXT_TO_VIDEO)[-1], Finished)


def test_a_device_that_failed_ends_the_worker(engine, monkeypatch, caplog):
    def fail(*_: object) -> None:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(decoding, "decode", fail)
    with pytest.raises(SystemExit) as caught:
        events(engine, Task.TEXT_TO_VIDEO)
    assert caught.value.code == engine_module.DEVICE_LOST
    assert "illegal memory access" in caplog.text


def test_weights_that_are_broken_make_the_model_unavailable(tmp_path):
    (tmp_path / "model_index.json").write_text("{}")
    broken = replace(catalog.BUNDLED, id="broken")
    engine = PipelineEngine(lambda _id: broken, lambda *_: Checkpoint(tmp_path, {}, {}), "cpu")
    with pytest.raises(ModelUnavailable):
        list(engine.generate(REQUESTS[Task.TEXT_TO_VIDEO], Inputs()))
