"""VACE through the engine gives what diffusers' own pipeline gives when it is called by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UniPCMultistepScheduler, WanVACEPipeline
from PIL import Image, ImageFilter

from tests import replicas
from tests.makers import grays, noise, quarters, request
from wan_demo import catalog
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.edit import Guide
from wan_demo.domain.events import Finished, Frames, Step
from wan_demo.domain.request import GenerationRequest
from wan_demo.engine.base import Inputs
from wan_demo.engine.edit.pixels import paste
from wan_demo.engine.guides import BLUR
from wan_demo.engine.pipelines.engine import PipelineEngine

SPEC = catalog.find("wan2.1-vace-1.3b")
SIDE, FRAMES, STEPS = 64, 9, 3
TEXT = {"task": "text_to_video", **dict.fromkeys(("video", "guide", "method"))}
TEXT |= {"conditioning_scale": None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return replicas.publish(SPEC, tmp_path_factory.mktemp("vace"))


@pytest.fixture(scope="module")
def engine(folder) -> PipelineEngine:
    return PipelineEngine(catalog.find, lambda *_: Checkpoint(folder, {}, {}), "cpu")


@pytest.fixture(scope="module")
def bare(folder) -> Any:
    """The pipeline as anyone has it from the folder, without this app."""
    pipe = WanVACEPipeline.from_pretrained(folder, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def source() -> Frames:
    """A moving square on noise."""
    frames = np.repeat(np.asarray(noise((SIDE, SIDE)))[None] // 2, FRAMES, 0)
    for index in range(FRAMES):
        frames[index, 20:44, 4 * index : 4 * index + 20] = (220, 180, 40)
    return frames


@pytest.fixture(scope="module")
def mask() -> Frames:
    """A disc that moves, as a person would draw it for a moving thing."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    discs = [(rows - 32) ** 2 + (columns - 16 - 4 * i) ** 2 < 200 for i in range(FRAMES)]
    return (np.stack(discs) * 255).astype(np.uint8)


def asked(**changes: Any) -> GenerationRequest:
    common = {
        "task": "video_to_video",
        "model": SPEC.id,
        "video": "v",
        "prompt": "a fox",
        "negative_prompt": "blurry",
        "num_inference_steps": STEPS,
        "guidance_scale": 5.0,
        "conditioning_scale": 0.7,
        "method": "vace",
        "guide": "video",
        "seed": 3,
    }
    return request(**{**common, **changes})


def by_hand(bare: Any, wanted: GenerationRequest, **conditions: Any) -> Frames:
    """Frames of the bare pipeline, of a scheduler with the model's own flow shift."""
    shift = SPEC.resolution(SIDE, SIDE).flow_shift
    bare.scheduler = UniPCMultistepScheduler.from_config(bare.scheduler.config, flow_shift=shift)
    if wanted.conditioning_scale is not None:
        conditions["conditioning_scale"] = wanted.conditioning_scale
    made = bare(
        prompt=wanted.prompt,
        negative_prompt=wanted.negative_prompt,
        width=SIDE,
        height=SIDE,
        num_frames=FRAMES,
        num_inference_steps=STEPS,
        guidance_scale=wanted.guidance_scale,
        generator=torch.Generator().manual_seed(wanted.seed),
        output_type="np",
        **conditions,
    )
    return np.round(made.frames[0] * 255).astype(np.uint8)


def frames(engine: PipelineEngine, wanted: GenerationRequest, inputs: Inputs) -> Frames:
    last = list(engine.generate(wanted, inputs))[-1]
    assert isinstance(last, Finished)
    return last.frames


def pictures(video: Frames) -> list[Image.Image]:
    return [Image.fromarray(frame) for frame in video]


def test_a_video_to_follow(engine, bare, source):
    wanted = asked()
    made = frames(engine, wanted, Inputs(video=source))
    assert (made == by_hand(bare, wanted, video=pictures(source))).all()


def test_gray_and_blur(engine, bare, source):
    grays_of = [picture.convert("L").convert("RGB") for picture in pictures(source)]
    soft = ImageFilter.GaussianBlur(BLUR * SIDE)
    blurs_of = [picture.filter(soft) for picture in pictures(source)]
    for guide, video in ((Guide.GRAY, grays_of), (Guide.BLUR, blurs_of)):
        wanted = asked(guide=guide)
        made = frames(engine, wanted, Inputs(video=source))
        assert (made == by_hand(bare, wanted, video=video)).all()


def test_a_mask_marks_what_is_made_anew_by_neutral_gray(engine, bare, source, mask):
    wanted = asked(guide="blank", mask="m")
    half = torch.from_numpy(source.copy()).permute(0, 3, 1, 2) / 255
    half[torch.from_numpy(mask > 0)[:, None].expand_as(half)] = 0.5
    white = torch.from_numpy(mask)[None, :, None] / 255
    made = frames(engine, wanted, Inputs(video=source, mask=mask))
    bare_made = by_hand(bare, wanted, video=half[None], mask=white)
    assert (made == paste(bare_made, source, mask)).all()
    assert (made[mask == 0] == source[mask == 0]).all()
    assert (made != source).any()


def test_a_guide_inside_a_mask(engine, bare, source, mask):
    wanted = asked(guide="gray", mask="m")
    mixed = source.copy()
    for index, picture in enumerate(pictures(source)):
        gray = np.asarray(picture.convert("L").convert("RGB"))
        mixed[index][mask[index] > 0] = gray[mask[index] > 0]
    white = [Image.fromarray(each) for each in mask]
    made = frames(engine, wanted, Inputs(video=source, mask=mask))
    bare_made = by_hand(bare, wanted, video=pictures(mixed), mask=white)
    assert (made == paste(bare_made, source, mask)).all()


def test_each_of_its_arguments_counts(engine, source, mask):
    ways = [
        (asked(), Inputs(video=source)),
        (asked(), Inputs(video=source, mask=mask)),
        (asked(guide="blank"), Inputs(video=source, mask=mask)),
        (asked(guide="edges"), Inputs(video=source)),
        (asked(conditioning_scale=0.0), Inputs(video=source)),
        (asked(), Inputs(video=grays(FRAMES))),
    ]
    made = [frames(engine, wanted, inputs).tobytes() for wanted, inputs in ways]
    assert len(set(made)) == len(ways)


def test_nothing_of_the_video_is_followed_at_a_scale_of_0(engine, source):
    wanted = asked(conditioning_scale=0.0)
    other = Inputs(video=grays(FRAMES))
    assert (frames(engine, wanted, Inputs(video=source)) == frames(engine, wanted, other)).all()


def test_references(engine, bare, source, mask):
    """Pictures of the clip's own size, of which the pipeline cuts and scales nothing."""
    colors = [quarters((SIDE, SIDE)), quarters((SIDE, SIDE))[::-1].copy()]
    references = tuple(each[None] for each in colors)
    by_hand_too = {"reference_images": [Image.fromarray(each) for each in colors]}
    text = asked(**TEXT, reference_images=("r", "s"))
    made = frames(engine, text, Inputs(references=references))
    assert made.shape == (FRAMES, SIDE, SIDE, 3)
    assert (made == by_hand(bare, text, **by_hand_too)).all()
    assert (made != frames(engine, asked(**TEXT), Inputs())).any()
    edit = asked(mask="m", reference_images=("r", "s"))
    made = frames(engine, edit, Inputs(video=source, mask=mask, references=references))
    white = [Image.fromarray(each) for each in mask]
    both = {"video": pictures(source), "mask": white}
    bare_made = by_hand(bare, edit, **both, **by_hand_too)
    assert (made == paste(bare_made, source, mask)).all()


def test_control_of_references_beside_text(engine, bare):
    picture = quarters((SIDE, SIDE))
    inputs = Inputs(references=(picture[None],))
    text = asked(**{**TEXT, "conditioning_scale": 0.4}, reference_images=("r",))
    made = frames(engine, text, inputs)
    assert (made == by_hand(bare, text, reference_images=[Image.fromarray(picture)])).all()
    usual = text.model_copy(update={"conditioning_scale": None})  # of a job from before it was one
    assert (made != frames(engine, usual, inputs)).any()
    at_one = text.model_copy(update={"conditioning_scale": 1.0})
    assert (frames(engine, usual, inputs) == frames(engine, at_one, inputs)).all()


def test_previews_leave_out_the_references(engine):
    wanted = asked(**TEXT, reference_images=("r", "r", "r"), num_inference_steps=4)
    inputs = Inputs(references=(quarters((SIDE, SIDE))[None],) * 3)
    steps = [event for event in engine.generate(wanted, inputs) if isinstance(event, Step)]
    previews = [step.preview for step in steps if step.preview is not None]
    assert [len(preview) for preview in previews] == [3, 3]  # 9 frames are 3 latent ones


def test_text_alone(engine, bare):
    wanted = asked(**TEXT)
    assert (frames(engine, wanted, Inputs()) == by_hand(bare, wanted)).all()
