"""What only the engine over diffusers does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.test_engine import INPUTS, REQUESTS, events
from wan_demo import catalog
from wan_demo.bootstrap import locate
from wan_demo.domain.events import Finished, Step
from wan_demo.domain.request import Task
from wan_demo.engine import pipelines
from wan_demo.engine.base import Inputs
from wan_demo.engine.pipelines import PipelineEngine
from wan_demo.errors import GenerationFailed, ModelUnavailable


@pytest.fixture(scope="module")
def engine() -> PipelineEngine:
    return PipelineEngine(catalog.find, locate, "cpu")


def test_a_closed_run_never_decodes(engine, monkeypatch):
    decoded: list[object] = []
    monkeypatch.setattr(pipelines, "decode", lambda *_: decoded.append(1))
    run = engine.generate(REQUESTS[Task.TEXT_TO_VIDEO], Inputs())
    assert any(isinstance(event, Step) for event in run)
    run.close()
    assert decoded == []


def test_the_first_frame_is_the_image(engine):
    image = INPUTS[Task.IMAGE_TO_VIDEO].image
    assert image is not None
    last = events(engine, Task.IMAGE_TO_VIDEO)[-1]
    assert isinstance(last, Finished)
    off = abs(last.frames[0].astype(float) - image[0]).mean()
    assert off < abs(last.frames[0].astype(float) - image[0].mean()).mean()


def test_what_made_the_frames_is_told_in_full(engine):
    last = events(engine, Task.TEXT_TO_VIDEO)[-1]
    assert isinstance(last, Finished)
    told = last.provenance
    assert told["model_revision"].startswith("sha256:")
    assert (told["device"], told["dtype"], told["batch"]) == ("cpu", "float32", "1")
    assert {"torch", "diffusers", "transformers", "memory"} <= told.keys()


def test_a_medium_that_was_not_read_is_a_failure(engine):
    with pytest.raises(GenerationFailed):
        list(engine.generate(REQUESTS[Task.IMAGE_TO_VIDEO], Inputs()))


def test_a_pipeline_that_raises_is_a_failure_and_the_next_run_works(engine, monkeypatch):
    def explode(*_: object) -> None:
        raise RuntimeError("out of memory at /secret")

    with monkeypatch.context() as patch:
        patch.setattr(pipelines, "decode", explode)
        with pytest.raises(GenerationFailed) as caught:
            events(engine, Task.TEXT_TO_VIDEO)
    assert "secret" not in str(caught.value)
    assert isinstance(events(engine, Task.TEXT_TO_VIDEO)[-1], Finished)


def test_weights_that_are_broken_make_the_model_unavailable(tmp_path):
    (tmp_path / "model_index.json").write_text("{}")
    broken = replace(catalog.BUNDLED, id="broken")
    engine = PipelineEngine(lambda _id: broken, lambda _spec: tmp_path, "cpu")
    with pytest.raises(ModelUnavailable):
        list(engine.generate(REQUESTS[Task.TEXT_TO_VIDEO], Inputs()))
