"""Previews from a scheduler that is listened to."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from wan_demo import catalog
from wan_demo.catalog.latent_colors import WAN_21, WAN_22
from wan_demo.engine.preview import CleanLatents, draw, is_due


@pytest.mark.parametrize("given", [0, 1])
def test_the_clean_latents_are_found_and_the_given_frames_left_out(given):
    clean, noise, sigma = torch.rand(1, 4, 3, 2, 2), torch.rand(1, 4, 3, 2, 2), 0.25
    scheduler = SimpleNamespace(sigmas=torch.tensor([sigma]), step_index=1, step=lambda *_: "next")
    listener = CleanLatents(scheduler, given)
    sample = (1 - sigma) * clean + sigma * noise
    assert scheduler.step(noise - clean, 0, sample) == "next"
    assert listener.latest is not None
    torch.testing.assert_close(listener.latest, clean[:, :, given:])


def test_previews_are_due_early_and_never_at_the_end():
    assert [index for index in range(1, 13) if is_due(index, 12)] == [1, 3, 6, 9]
    assert not is_due(1, 1)


def test_a_latent_of_one_channel_has_the_published_color():
    """ComfyUI's figures for channels 2 and 21, by hand: (factor + bias) / 2 + 1 / 2 of 255."""
    for colors, channels, channel, expected in (
        (WAN_21, 16, 2, (150, 149, 107)),
        (WAN_22, 48, 21, (137, 125, 146)),
    ):
        latents = torch.zeros(2, channels, 4, 6)
        latents[:, channel] = 1
        picture = draw(latents, (48, 32), colors)
        assert picture.shape == (2, 32, 48, 3)
        assert (picture == expected).all()


def test_a_drawn_preview_stands_upright():
    """Channel 6 of Wan2.1's is dark: the left top quarter of the second picture alone."""
    latents = torch.zeros(2, 16, 8, 12)
    latents[1, 6, :4, :6] = 2
    picture = draw(latents, (96, 64), WAN_21).astype(int).sum(-1)
    light = picture[0, 0, 0]
    assert (picture[0] == light).all()
    assert picture[1, 8, 8] < light
    assert picture[1, 8, 88] == picture[1, 56, 8] == picture[1, 56, 88] == light


@pytest.mark.parametrize("spec", catalog.MODELS, ids=lambda spec: spec.id)
def test_every_vae_of_the_hub_has_a_color_for_each_channel(spec):
    colors = spec.architecture.latent_colors
    if spec.bundled:
        assert colors is None
    else:
        assert len(colors.factors) == spec.architecture.latent_channels
