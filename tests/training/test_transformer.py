"""Flow-matching steps, the text embedding, latents on disk and the exported folder."""

import math
from random import Random
from typing import Any

import pytest
import torch
from diffusers import WanPipeline

from training import latents, transformer
from training.export import export
from training.folder import new_text_encoder, new_transformer
from training.latents import coarse
from training.reading import WORDS, embed, teach
from training.tokenizer import MAX_LENGTH, train_tokenizer
from training.transformer import Batch, Joint, Plan, flow_loss, new_optimizers, recolor_loss
from training.vae import new_vae


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer()


@pytest.fixture(scope="module")
def joint(tokenizer):
    torch.manual_seed(0)
    return Joint(new_text_encoder(len(tokenizer)), new_transformer())


def test_embedding_equals_the_pipelines(tokenizer, joint):
    make_pipeline: Any = WanPipeline
    pipeline = make_pipeline(
        tokenizer=tokenizer,
        text_encoder=joint.text_encoder,
        transformer=joint.transformer,
        vae=new_vae(),
        scheduler=None,
    )
    texts = ["a red circle", "", "a blue star falling on a black background"]
    with torch.no_grad():
        ours = embed(joint.text_encoder, tokenizer, texts)
        theirs, _ = pipeline.encode_prompt(
            texts, do_classifier_free_guidance=False, max_sequence_length=MAX_LENGTH
        )
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_few_steps_lower_the_loss(tokenizer):
    torch.manual_seed(0)
    joint = Joint(new_text_encoder(len(tokenizer)), new_transformer())
    batch = Batch(torch.ones(4, 16, 2, 4, 4), torch.zeros(4, 1, 2, 4, 4), torch.zeros(4, 64, 128))
    optimizer, rng, losses = torch.optim.Adam(joint.parameters(), lr=2e-3), Random(0), []
    for _ in range(20):
        loss = flow_loss(joint, batch, rng, Plan())
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])


def test_a_few_steps_teach_the_way_to_another_color(tokenizer):
    torch.manual_seed(0)
    joint = Joint(new_text_encoder(len(tokenizer)), new_transformer())
    batch = Batch(torch.ones(4, 16, 2, 4, 4), torch.zeros(4, 1, 2, 4, 4), torch.zeros(4, 64, 128))
    optimizer, losses = torch.optim.Adam(joint.parameters(), lr=2e-3), []
    for _ in range(20):
        loss = recolor_loss(joint, batch, -batch.latents, Plan())
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert sum(losses[-4:]) < 0.5 * sum(losses[:4])


def test_coarse_marks_cells_of_the_right_frames():
    near = torch.zeros(9, 16, 16)
    near[6, 9, 1] = 1
    cells = coarse(near)
    assert cells.shape == (3, 2, 2)
    assert cells.nonzero().tolist() == [[2, 1, 0]]


@pytest.fixture
def saved(tmp_path, monkeypatch):
    monkeypatch.setattr(latents, "BUCKETS", {(5, 32, 48): 4})
    monkeypatch.setattr(latents, "PAIRS", 5)
    latents.precompute(new_vae(), tmp_path / "latents.pt")
    return latents.load(tmp_path / "latents.pt")


def test_latents_survive_the_disk(saved):
    bucket = saved.buckets[5, 32, 48]
    assert bucket.latents.shape == (4, 16, 2, 4, 6)
    assert bucket.near.shape == (4, 1, 2, 4, 6)
    assert len(bucket.labels) == 4
    assert saved.mean.shape == saved.std.shape == (16,)


def test_pairs_differ_where_the_shape_is(saved):
    clips, before = saved.pairs.clips, saved.pairs.before
    assert clips.latents.shape == before.shape == (5, 16, 5, 12, 12)
    apart = (clips.latents.float() - before.float()).abs().mean(1, keepdim=True)
    for clip, near in zip(apart, clips.near, strict=True):
        assert clip[near == 1].mean() > 2 * clip[near == 0].mean()


def test_missing_latents_say_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="latents"):
        latents.load(tmp_path / "none.pt")


def test_export_loads_and_makes_a_clip(tmp_path, tokenizer, joint):
    statistics = torch.zeros(16), torch.ones(16)
    fresh = Joint(new_text_encoder(len(tokenizer)), new_transformer())
    fresh.load_state_dict(joint.state_dict())
    export(tmp_path, tokenizer, fresh, new_vae(), statistics)
    pipeline: Any = WanPipeline.from_pretrained(tmp_path, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    frames = pipeline(
        prompt="a red circle",
        height=32,
        width=32,
        num_frames=5,
        num_inference_steps=2,
        max_sequence_length=MAX_LENGTH,
        output_type="pt",
    ).frames
    assert frames.shape == (1, 5, 3, 32, 32)
    assert frames.isfinite().all()


def test_noise_levels_cover_the_range():
    levels = transformer.noise_levels(2000, torch.device("cpu"))
    assert levels.min() > 0
    assert levels.max() < 1
    assert 0.58 < levels.mean() < 0.68


def test_a_taught_text_encoder_tells_the_words_apart(tokenizer):
    torch.manual_seed(0)
    chance = sum(math.log(len(words)) for words in WORDS)
    assert teach(new_text_encoder(len(tokenizer)), tokenizer, steps=60) < 0.6 * chance


def test_muon_has_the_blocks_matrices_and_adam_the_rest(joint):
    muon, adam = new_optimizers(joint, Plan())
    shares = [[p for group in o.param_groups for p in group["params"]] for o in (muon, adam)]
    assert all(p.ndim == 2 for p in shares[0])
    assert len({id(p) for share in shares for p in share}) == len(list(joint.parameters()))
