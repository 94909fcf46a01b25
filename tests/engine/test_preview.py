"""Previews from a scheduler that is listened to."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from wan_demo.engine.preview import CleanLatents, is_due


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
