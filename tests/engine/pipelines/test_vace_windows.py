"""VACE over clips of several windows, held against its transformers called by hand."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import WanVACEPipeline
from PIL import Image

from tests import replicas
from tests.makers import noise, quarters, request
from wan_demo import catalog
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Finished, Frames, Pass, Step
from wan_demo.domain.memory import Precision, Profile
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.engine.base import Inputs
from wan_demo.engine.memory import Clip, Home, Rung, sizes
from wan_demo.engine.pipelines.denoise import denoise
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.engine.pipelines.load import Loaded, load
from wan_demo.engine.pipelines.remembered import Remembered
from wan_demo.engine.pipelines.schedulers import new_scheduler
from wan_demo.engine.stream import Emit

SIDE, FRAMES, STEPS, SCALE = 32, 21, 2, 0.7
WINDOWS = ((0, (1, 1, 1)), (2, (0, 1, 1 / 2)), (3, (0, 1 / 2, 1)))
"""Of 6 latent frames: where each window of 3 begins, and how much each of its frames counts."""

OFFICIAL = catalog.find("wan2.1-vace-1.3b")
ONE = replace(OFFICIAL, limits=replace(OFFICIAL.limits, max_frames=9), max_sequence_length=32)
TWO = replace(
    ONE,
    id="vace-a14b",
    architecture=replace(
        ONE.architecture,
        experts=2,
        parameters=MappingProxyType({**ONE.architecture.parameters, "transformer_2": 2**31}),
    ),
    boundary_ratio=0.95,
)
"""As Wan2.2's A14B would be with VACE's blocks."""

HERE = Home.DEVICE
PLAIN = Rung(Profile.RESIDENT, Precision.FP32, "cpu", "float32", HERE, HERE, HERE, HERE)

Load = Callable[..., Loaded]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("vace")
    return {spec.id: replicas.publish(spec, root / spec.id) for spec in (ONE, TWO)}


@pytest.fixture
def loaded(folders, tmp_path) -> Load:
    """A model, ready to be called."""

    def loaded(spec: ModelSpec = ONE, rung: Rung = PLAIN) -> Loaded:
        return load(spec, Checkpoint(folders[spec.id], {}, {}), rung, tmp_path)

    return loaded


@pytest.fixture(scope="module")
def given() -> Inputs:
    """A moving square on noise, a moving disc, and two pictures."""
    video = np.repeat(np.asarray(noise((SIDE, SIDE)))[None] // 2, FRAMES, 0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    discs = [(rows - 16) ** 2 + (columns - i) ** 2 < 50 for i in range(FRAMES)]
    for index in range(FRAMES):
        video[index, 10:22, index // 2 : index // 2 + 10] = (220, 180, 40)
    picture = quarters((SIDE, SIDE))[None]
    references = (picture, picture[:, ::-1].copy())
    return Inputs(video=video, mask=(np.stack(discs) * 255).astype(np.uint8), references=references)


def asked(**changes: Any) -> GenerationRequest:
    common = {
        "task": "video_to_video",
        "model": ONE.id,
        "video": "v",
        "mask": "m",
        "reference_images": ("r", "s"),
        "prompt": "a fox",
        "negative_prompt": "blurry",
        "width": SIDE,
        "height": SIDE,
        "num_frames": FRAMES,
        "num_inference_steps": STEPS,
        "guidance_scale": 5.0,
        "guidance_scale_2": 2.0,
        "conditioning_scale": SCALE,
        "method": "vace",
        "guide": "video",
        "seed": 3,
    }
    return request(**{**common, **changes})


def made_by(model: Loaded, wanted: GenerationRequest, inputs: Inputs) -> torch.Tensor:
    emit, forgetful = Emit(lambda _event: None, Flag()), Remembered(0, 0)
    return denoise(model, wanted, inputs, forgetful, emit).latents


def pictures(video: Frames) -> list[Image.Image]:
    return [Image.fromarray(frame) for frame in video]


class ByHand:
    """The bare pipeline's parts and conditions, stepped through without this app."""

    def __init__(self, model: Loaded, wanted: GenerationRequest, inputs: Inputs) -> None:
        assert inputs.video is not None
        assert inputs.mask is not None
        self.model, self.wanted = model, wanted
        names = ("tokenizer", "text_encoder", "vae", "transformer", "transformer_2")
        self.scheduler = new_scheduler(*model.spec.solver(wanted), wanted.seed)
        mine = {name: model.parts[name] for name in names if name in model.parts}
        self.pipe: Any = WanVACEPipeline(**mine, scheduler=self.scheduler)
        references = [picture for each in inputs.references for picture in pictures(each)]
        size = (SIDE, SIDE, FRAMES, torch.float32, torch.device("cpu"))
        video, mask, fitted = self.pipe.preprocess_conditions(
            pictures(inputs.video), pictures(inputs.mask), references or None, 1, *size
        )
        seen = self.pipe.prepare_video_latents(video, mask, fitted)
        self.control = torch.cat([seen, self.pipe.prepare_masks(mask, fitted)], dim=1)
        self.references = len(references)

    @torch.no_grad()
    def latents(self) -> torch.Tensor:
        """The clip's latents after all steps."""
        prompts = self.pipe.encode_prompt("a fox", "blurry", max_sequence_length=32)
        self.scheduler.set_timesteps(STEPS)
        draw = torch.Generator().manual_seed(self.wanted.seed)
        shape = (1, 16, self.control.shape[2], SIDE // 8, SIDE // 8)
        latents = torch.randn(shape, generator=draw)
        for timestep in self.scheduler.timesteps:
            name, guidance = "transformer", self.wanted.guidance_scale
            if timestep < 1000 * (self.model.spec.boundary_ratio or 0):
                name, guidance = "transformer_2", self.wanted.guidance_scale_2 or 0.0
            said, unsaid = (self.flow(name, latents, timestep, each) for each in prompts)
            flow = unsaid + guidance * (said - unsaid)
            latents = self.scheduler.step(flow, timestep, latents, return_dict=False)[0]
        return latents[:, :, self.references :]

    def flow(self, name: str, latents: Any, timestep: Any, prompt: Any) -> torch.Tensor:
        """Frame by frame, what the windows that see it say on average."""
        said: list[list[torch.Tensor]] = [[] for _ in range(latents.shape[2])]
        counted: list[list[float]] = [[] for _ in said]
        for start, shares in WINDOWS:
            first = self.references + start
            frames = [*range(self.references), *range(first, first + len(shares))]
            flow = self.model.parts[name](
                hidden_states=latents[:, :, frames],
                timestep=timestep.expand(1),
                encoder_hidden_states=prompt,
                control_hidden_states=self.control[:, :, frames],
                control_hidden_states_scale=torch.full((2,), SCALE),
                return_dict=False,
            )[0]
            for at, share, frame in zip(
                frames, [*[1] * self.references, *shares], flow.unbind(2), strict=True
            ):
                said[at].append(frame * share)
                counted[at].append(share)
        means = [sum(each) / sum(share) for each, share in zip(said, counted, strict=True)]
        return torch.stack([torch.as_tensor(mean) for mean in means], dim=2)


@pytest.mark.parametrize("spec", [ONE, TWO], ids=["one expert", "two experts"])
@pytest.mark.parametrize("references", [0, 2])
def test_each_window_has_its_slice_of_what_is_followed(loaded, given, spec, references):
    model, inputs = loaded(spec), replace(given, references=given.references[:references])
    wanted = asked(model=spec.id, reference_images=("r", "s")[:references])
    made = made_by(model, wanted, inputs)
    assert made.shape == (1, 16, 6, SIDE // 8, SIDE // 8)
    expected = ByHand(model, wanted, inputs).latents()
    assert torch.allclose(made, expected, atol=1e-5)
    other = replace(inputs, video=inputs.video[::-1].copy())
    assert not torch.allclose(made, made_by(model, wanted, other), atol=1e-3)


def test_a_pass_sees_no_more_than_a_window_and_both_experts_take_their_steps(loaded, given):
    model = loaded(TWO)
    seen: list[tuple[str, int, int, float]] = []
    for name in ("transformer", "transformer_2"):

        def look(_module: Any, _args: Any, said: dict[str, Any], name: str = name) -> None:
            states, control = said["hidden_states"], said["control_hidden_states"]
            seen.append((name, states.shape[2], control.shape[2], float(said["timestep"])))

        model.parts[name].register_forward_pre_hook(look, with_kwargs=True)
    made_by(model, asked(model=TWO.id), given)
    assert {(states, control) for _, states, control, _ in seen} == {(2 + 3, 2 + 3)}
    assert len(seen) == STEPS * 2 * len(WINDOWS)
    assert {name for name, *_ in seen} == {"transformer", "transformer_2"}
    assert all((time < 950) == (name == "transformer_2") for name, *_, time in seen)


def without_motion(model: Loaded) -> None:
    """No frame looks at another one any more: attention over the clip adds nothing."""
    blocks = [*model.parts["transformer"].blocks, *model.parts["transformer"].vace_blocks]
    for block in blocks:
        for parameter in block.attn1.to_out.parameters():
            torch.nn.init.zeros_(parameter)


@pytest.mark.parametrize("references", [0, 2])
def test_windows_that_agree_leave_no_seam(loaded, given, references):
    """Where a frame's flow is the same in any window, the clip is that of one long window."""
    model, inputs = loaded(), replace(given, references=given.references[:references])
    without_motion(model)
    wanted = asked(reference_images=("r", "s")[:references])
    wide = replace(model, spec=replace(ONE, limits=OFFICIAL.limits))  # 81 frames at once
    assert torch.allclose(made_by(model, wanted, inputs), made_by(wide, wanted, inputs), atol=1e-5)


def test_windows_differ_where_frames_look_at_each_other(loaded, given):
    model = loaded()
    wide = replace(model, spec=replace(ONE, limits=OFFICIAL.limits))
    one, several = (made_by(each, asked(), given) for each in (wide, model))
    assert not torch.allclose(one, several, atol=1e-3)


def test_streamed_blocks_come_for_each_window(loaded, given):
    rung = replace(PLAIN, text_encoder=Home.STAGE, transformer=Home.BLOCKS, vae=Home.STAGE)
    away = loaded(rung=rung)
    made = made_by(away, asked(), given)
    away.residency.close()
    assert torch.allclose(made, made_by(loaded(), asked(), given), atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_frames_cost_what_is_reckoned_while_they_are_encoded(loaded, given, monkeypatch, dtype):
    """Tensors as large as the video, at the moment when most of them are alive."""
    rung = replace(PLAIN, vae_dtype=dtype)
    model = loaded(rung=rung)
    vae, held = model.parts["vae"], []

    def encode(video: torch.Tensor) -> None:
        seen = [each for each in gc.get_objects() if type(each) is torch.Tensor]
        large = [each.untyped_storage() for each in seen if each.numel() >= video.numel()]
        held.append(sum({each.data_ptr(): each.nbytes() for each in large}.values()))
        raise EOFError

    monkeypatch.setattr(vae, "encode", encode)
    for frames in (9, FRAMES):
        wanted = asked(mask=None, reference_images=(), num_frames=frames)
        with pytest.raises(EOFError):
            made_by(model, wanted, Inputs(video=given.video[:frames]))
        gc.collect()
    clips = [Clip(SIDE, SIDE, frames, Task.VIDEO_TO_VIDEO) for frames in (9, FRAMES)]
    few, many = (sizes.following(ONE, clip, rung) for clip in clips)
    assert held[1] - held[0] == many - few > 0
    assert sizes.following(ONE, replace(clips[0], task=Task.TEXT_TO_VIDEO), rung) == 0


def test_a_long_clip_keeps_what_lies_outside_the_mask(folders, given):
    files = Checkpoint(folders[ONE.id], {}, {})
    engine = PipelineEngine(lambda _id: ONE, lambda *_: files, "cpu")
    events = list(engine.generate(asked(guide="blank"), given))
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.frames.shape == given.video.shape
    outside = given.mask == 0
    assert (last.frames[outside] == given.video[outside]).all()
    assert (last.frames[~outside] != given.video[~outside]).any()
    assert [event.index for event in events if isinstance(event, Step)] == [1, 2]


def test_each_window_is_a_sign_of_life(folders, given):
    """So that Stop waits for no more than one of them."""
    engine = PipelineEngine(lambda _id: ONE, lambda *_: Checkpoint(folders[ONE.id], {}, {}), "cpu")
    told = []
    for event in engine.generate(asked(guide="blank"), given):
        told.append(type(event))
        if told.count(Pass) == 2:
            break
    assert Step not in told
