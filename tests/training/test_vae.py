"""The whole-clip passes against diffusers' chunked ones, and that training learns."""

import pytest
import torch
from diffusers import AutoencoderKLWan

from training import fast_vae
from training.pictures import Painter
from training.vae import Plan, VaeTrainer, new_vae, vae_loss


@pytest.fixture(scope="module")
def small_vae():
    torch.manual_seed(0)
    vae = AutoencoderKLWan(
        base_dim=4,
        decoder_base_dim=8,
        z_dim=4,
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    ).eval()
    for parameter in vae.parameters():
        parameter.data = torch.randn_like(parameter) * 0.15
    return vae


@pytest.mark.parametrize("frames", [1, 5, 9, 17])
def test_encode_equals_diffusers(small_vae, frames):
    clip = torch.rand(2, 3, frames, 16, 24) * 2 - 1
    with torch.no_grad():
        ours = fast_vae.encode(small_vae, clip)
        theirs = small_vae.encode(clip).latent_dist.mean
    assert torch.allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_decode_equals_diffusers_before_the_clamp(small_vae, frames):
    latents = torch.randn(2, 4, frames, 2, 3) * 0.5
    with torch.no_grad():
        ours = fast_vae.decode(small_vae, latents)
        theirs = small_vae.decode(latents).sample
    assert torch.allclose(ours.clamp(-1, 1), theirs, atol=1e-4)


def test_init_keeps_the_signal():
    vae, batch = new_vae(), Painter(0, torch.device("cpu")).batch(4, 1, 32, 32)
    with torch.no_grad():
        latents = fast_vae.encode(vae, batch.frames)
        output = fast_vae.decode(vae, latents)
    assert latents.std() > 0.3
    assert output.std() > 0.3


def test_a_few_steps_lower_the_loss():
    torch.manual_seed(0)
    vae, batch = new_vae(), Painter(0, torch.device("cpu")).batch(2, 1, 32, 32)
    optimizer = torch.optim.Adam(vae.parameters(), lr=1e-3)
    losses = []
    for _ in range(12):
        loss, _ = vae_loss(vae, batch, Plan())
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]


def test_the_polish_leaves_the_encoder_alone():
    vae, batch = new_vae(), Painter(0, torch.device("cpu")).batch(1, 1, 32, 32)
    vae_loss(vae, batch, Plan(decoder_only=True))[0].backward()
    assert all(p.grad is None for p in vae.encoder.parameters())
    assert vae.decoder.conv_out.weight.grad is not None


def test_a_run_resumes(tmp_path):
    plan, device = Plan(minutes=60, images=((1, 1, 32, 32),)), torch.device("cpu")
    first = VaeTrainer(tmp_path, plan, device)
    first._step(Painter(0, device).batch(1, 1, 32, 32), 0.5)
    first.save()
    second = VaeTrainer(tmp_path, plan, device)
    assert second.step == 1
    same = zip(first.vae.parameters(), second.vae.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
