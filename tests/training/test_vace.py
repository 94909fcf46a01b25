"""The VACE head's training sees what diffusers' own pipeline would show it."""

# diffusers annotates loosely and exports lazily.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false

from random import Random

import pytest
import torch
from diffusers import WanPipeline, WanVACEPipeline

from training.shapes import COLORS, MOTIONS, SHAPES, held_out
from training.vace import Encoder, new_head
from training.vace_examples import Example, draw_example
from wan_demo import catalog

SIZE = (9, 64, 64)


@pytest.fixture(scope="module")
def base() -> WanPipeline:
    return WanPipeline.from_pretrained(catalog.BUNDLED.weights.base, dtype=torch.float32)


def example(wanted) -> Example:
    drawn = (draw_example(Random(seed), SIZE) for seed in range(200))
    return next(one for one in drawn if wanted(one))


@pytest.mark.parametrize("refers", [False, True])
def test_what_is_shown_has_the_pipelines_numbers(base, refers):
    one = example(lambda e: (e.reference is not None) is refers and (refers or e.mask.min() == 0))
    encoder = Encoder(base.vae, base.text_encoder, base.tokenizer, torch.device("cpu"))
    seen = encoder([one])
    pipe = WanVACEPipeline(
        **{k: v for k, v in base.components.items() if k not in ("transformer", "transformer_2")},
        transformer=new_head(base.transformer),
    )
    pixels = torch.from_numpy(one.shown).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    mask = (torch.from_numpy(one.mask)[None, None] > 0).float().expand_as(pixels)
    pictures = None
    if one.reference is not None:
        pictures = [[torch.from_numpy(one.reference).permute(2, 0, 1).float() / 127.5 - 1]]
    latents = pipe.prepare_video_latents(pixels, mask, pictures or [[]], device=torch.device("cpu"))
    masks = pipe.prepare_masks(mask, pictures or [[]])
    expected = torch.cat([latents, masks], 1)
    assert seen.control.shape == expected.shape
    assert torch.equal(seen.control[:, 32:].float(), masks)
    assert (seen.control.float() - expected).abs().mean() < 0.02  # trained in bf16, kept in fp16


def test_a_new_head_is_the_base(base):
    torch.manual_seed(0)
    latents, text = torch.randn(1, 16, 3, 8, 8), torch.randn(1, 64, 128)
    time, control = torch.tensor([500.0]), torch.randn(1, 96, 3, 8, 8)
    vace = new_head(base.transformer)
    with torch.no_grad():
        alone = base.transformer(latents, time, text, return_dict=False)[0]
        both = vace(latents, time, text, control_hidden_states=control, return_dict=False)[0]
    assert torch.equal(alone, both)


def test_held_out_triples_are_never_made():
    words = [COLORS, SHAPES, MOTIONS]
    for seed in range(300):
        one = draw_example(Random(seed), (1, 64, 64))
        found = [[word for word in part if f" {word}" in f" {one.caption}"] for part in words]
        if all(len(part) == 1 for part in found):
            assert not held_out(_labels(*(part[0] for part in found)))


def _labels(color, shape, motion):
    from training.shapes import Labels

    return Labels(color, shape, motion, "black")
