"""Edits through the engine, held against diffusers where it has the same."""

from __future__ import annotations

from pathlib import Path
from threading import Event as Flag
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import WanVideoToVideoPipeline
from PIL import Image

from tests import replicas
from tests.makers import quarters
from wan_demo import catalog
from wan_demo.bootstrap import make_locate
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.edit import Colors, Method
from wan_demo.domain.events import Event, Finished, Frames, Pass, Step
from wan_demo.domain.request import GenerationRequest
from wan_demo.engine.base import Inputs
from wan_demo.engine.memory import plenty
from wan_demo.engine.memory.decide import fastest
from wan_demo.engine.memory.sizes import Clip
from wan_demo.engine.pipelines.denoise import denoise
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.engine.pipelines.load import Loaded, load
from wan_demo.engine.pipelines.remembered import Remembered
from wan_demo.engine.pipelines.schedulers import new_scheduler
from wan_demo.engine.stream import Emit
from wan_demo.settings import Settings

SIDE, FRAMES = 64, 9
TINY = catalog.find("wan-tiny")


def video(frames: int = FRAMES) -> Frames:
    """Four colored quarters that move to the right."""
    return np.stack([np.roll(quarters((SIDE, SIDE)), 2 * i, 1) for i in range(frames)])


def request(**changes: Any) -> GenerationRequest:
    return GenerationRequest.model_validate(
        {
            "task": "video_to_video",
            "model": "wan-tiny",
            "prompt": "a blue star",
            "video": "clip",
            "width": SIDE,
            "height": SIDE,
            "num_frames": FRAMES,
            "fps": 8,
            "num_inference_steps": 4,
            "guidance_scale": 3.0,
            "strength": 0.75,
            "method": "renoise",
            "seed": 3,
            **changes,
        }
    )


FLOW_EDIT = {
    "method": Method.FLOW_EDIT,
    "source_prompt": "",
    "source_guidance_scale": 3.0,
    "n_min": 0,
    "n_avg": 1,
}


@pytest.fixture(scope="module")
def engine() -> PipelineEngine:
    return PipelineEngine(catalog.find, make_locate(Settings()), "cpu")


def run(engine: PipelineEngine, inputs: Inputs, **changes: Any) -> list[Event]:
    return list(engine.generate(request(**changes), inputs))


def frames(engine: PipelineEngine, inputs: Inputs, **changes: Any) -> Frames:
    last = run(engine, inputs, **changes)[-1]
    assert isinstance(last, Finished)
    return last.frames


def replica(name: str, folder: Path) -> Loaded:
    spec = catalog.find(name)
    replicas.publish(spec, folder)
    found = fastest(spec, plenty("cpu"), Clip(SIDE, SIDE, FRAMES))
    assert found is not None
    return load(spec, Checkpoint(folder, {}, {}), found[0], folder / "offload")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Loaded:
    return replica("wan2.1-t2v-1.3b", tmp_path_factory.mktemp("replica"))


def latents(model: Loaded, inputs: Inputs, **changes: Any) -> torch.Tensor:
    forgetful, emit = Remembered(0, 0), Emit(lambda _event: None, Flag())
    asked = request(model=model.spec.id, **changes)
    return denoise(model, asked, inputs, forgetful, emit).latents


@pytest.mark.parametrize("scheduler", ["unipc", "dpm++", "euler"])
@pytest.mark.parametrize("guidance_scale", [1.0, 3.0])
def test_renoising_gives_the_numbers_of_diffusers(model: Loaded, scheduler, guidance_scale):
    asked = request(model=model.spec.id, scheduler=scheduler, guidance_scale=guidance_scale)
    changes = {"scheduler": scheduler, "guidance_scale": guidance_scale}
    made = latents(model, Inputs(video=video()), **changes)
    pipe = WanVideoToVideoPipeline(
        **{name: model.parts[name] for name in ("tokenizer", "text_encoder", "transformer", "vae")},
        scheduler=new_scheduler(*model.spec.solver(asked), asked.seed),
    )
    pipe.set_progress_bar_config(disable=True)
    bare: Any = pipe(
        video=[Image.fromarray(frame) for frame in video()],
        prompt=asked.prompt,
        negative_prompt="",
        width=SIDE,
        height=SIDE,
        num_inference_steps=asked.num_inference_steps,
        strength=asked.strength or 0.0,
        guidance_scale=guidance_scale,
        generator=torch.Generator("cpu").manual_seed(asked.seed),
        output_type="latent",
    )
    assert torch.equal(made, bare.frames)


METHODS = pytest.mark.parametrize("method", [{}, FLOW_EDIT], ids=["renoise", "flow_edit"])


@METHODS
def test_two_experts_share_the_taken_steps_by_the_boundary(tmp_path, method):
    """Of 4 steps at a shift of 12, whose noise levels are 1, 0.973, 0.923 and 0.8, the last 3."""
    model, seen = replica("wan2.2-t2v-a14b", tmp_path), []
    for name in ("transformer", "transformer_2"):

        def look(_module: Any, _args: Any, said: dict[str, Any], name: str = name) -> None:
            seen.append((name, int(said["timestep"])))

        model.parts[name].register_forward_pre_hook(look, with_kwargs=True)
    changes = {**method, "guidance_scale": 3.0, "guidance_scale_2": 2.0}
    latents(model, Inputs(video=video()), **changes)
    passes = 4 if method else 2  # of two prompts, each guided
    high, low = ["transformer"] * 2 * passes, ["transformer_2"] * passes
    assert [name for name, _ in seen] == [*high, *low]
    assert all((level < 875) == (name == "transformer_2") for name, level in seen)
    assert {level for _, level in seen} == {973, 923, 800}


@METHODS
def test_a_vae_of_16_pixels_a_latent_is_masked_too(tmp_path, method):
    model, mask = replica("wan2.2-ti2v-5b", tmp_path), np.zeros((FRAMES, SIDE, SIDE), np.uint8)
    mask[:, :, :32] = 255
    source = latents(model, Inputs(video=video(), mask=0 * mask), **method)
    made = latents(model, Inputs(video=video(), mask=mask), **method)
    assert made.shape == (1, 48, 3, SIDE // 16, SIDE // 16)
    assert torch.allclose(made[..., 2:], source[..., 2:], atol=1e-5)
    assert not torch.allclose(made[..., :2], source[..., :2], atol=1e-2)


def test_the_most_strength_leaves_nothing_of_the_source_and_the_least_one_step(model):
    other = Inputs(video=video()[::-1].copy())
    whole = {"strength": 1.0, "scheduler": "euler"}
    one, two = (latents(model, each, **whole) for each in (Inputs(video=video()), other))
    assert torch.equal(one, two)
    calls: list[Any] = []
    hook = model.parts["transformer"].register_forward_hook(lambda *_: calls.append(1))
    latents(model, other, strength=0.25, guidance_scale=1.0)
    hook.remove()
    assert len(calls) == 1


@METHODS
def test_a_mask_holds_in_every_window(model, method):
    """101 frames, of which 81 are seen at once, small ones."""
    small = np.ascontiguousarray(video(101)[:, ::4, ::4])
    mask = np.zeros((101, 16, 16), np.uint8)
    mask[:, :, :8] = 255
    steps = {**method, "num_inference_steps": 2, "strength": 0.5, "num_frames": 101}
    size = {"width": 16, "height": 16}
    source = latents(model, Inputs(video=small, mask=0 * mask), **steps, **size)
    made = latents(model, Inputs(video=small, mask=mask), **steps, **size)
    assert made.shape == (1, 16, 26, 2, 2)
    assert torch.allclose(made[..., 1:], source[..., 1:], atol=1e-5)
    assert not torch.allclose(made[..., :1], source[..., :1], atol=1e-2)


@METHODS
def test_a_mask_changes_nothing_outside_it(engine, method):
    mask = np.zeros((FRAMES, SIDE, SIDE), dtype=np.uint8)
    mask[:, 16:48, 16:48] = 255
    made = frames(engine, Inputs(video=video(), mask=mask), **method)
    assert np.array_equal(made[mask == 0], video()[mask == 0])
    assert not np.array_equal(made[mask == 255], video()[mask == 255])


def test_flow_edit_tells_its_steps_with_pictures(engine):
    steps = [e for e in run(engine, Inputs(video=video()), **FLOW_EDIT) if isinstance(e, Step)]
    assert [(step.index, step.total) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert steps[0].preview is not None


def test_the_same_prompts_give_the_source_back(engine):
    same = {**FLOW_EDIT, "source_prompt": "a blue star"}
    made = frames(engine, Inputs(video=video()), **same)
    assert np.abs(made.astype(int) - video()).max() <= 1


def test_colors_are_matched_to_the_source(engine):
    faint = video() // 4 + 96  # so that nothing is clipped
    made = frames(engine, Inputs(video=faint), strength=1.0, colors=Colors.SOURCE)
    assert made.mean((1, 2)) == pytest.approx(faint.mean((1, 2)), abs=2)


def test_a_long_clip_is_edited_in_windows(engine):
    long = FRAMES * 4 + 1  # 37 frames, where 33 are made at once
    made = frames(engine, Inputs(video=video(long)), num_frames=long, strength=0.3)
    assert made.shape == (long, SIDE, SIDE, 3)


@pytest.mark.parametrize("method", [{}, {**FLOW_EDIT, "n_avg": 2}], ids=["renoise", "flow_edit"])
def test_it_stops_within_a_step_of_many_windows(engine, method):
    long = FRAMES * 8 + 1
    events = engine.generate(request(num_frames=long, **method), Inputs(video=video(long)))
    windows = 0
    for event in events:
        assert not isinstance(event, Step)
        windows += isinstance(event, Pass)
        if windows == 2:
            break
    events.close()
    assert windows == 2
    assert run(engine, Inputs(video=video()))[-1]


def test_repeats_are_the_same_and_other_seeds_are_not(engine):
    inputs = Inputs(video=video())
    first = frames(engine, inputs, **FLOW_EDIT)
    assert np.array_equal(first, frames(engine, inputs, **FLOW_EDIT))
    assert not np.array_equal(first, frames(engine, inputs, **FLOW_EDIT, seed=4))
