from __future__ import annotations

import pytest
import torch

from wan_demo.engine.edit.flow import Expert, Flow

T = torch.tensor(600.0)
PROMPT, NEGATIVE = torch.full((1,), 3.0), torch.full((1,), 1.0)


def constant(latents: torch.Tensor, timestep: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(latents) * prompt


def test_guidance_leads_away_from_the_negative_prompt():
    latents = torch.zeros(1, 2, 3, 4, 4)
    guided = Flow(Expert(constant, 5.0), NEGATIVE, window=9)(latents, T, PROMPT)
    assert torch.equal(guided, torch.full_like(latents, 1 + 5 * (3 - 1)))
    for flow in (Flow(Expert(constant, 1.0), NEGATIVE, 9), Flow(Expert(constant, 5.0), None, 9)):
        assert torch.equal(flow(latents, T, PROMPT), torch.full_like(latents, 3))


def test_the_second_expert_takes_over_below_the_boundary():
    def low(latents: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(latents) - 7

    flow = Flow(Expert(constant, 1.0), None, 9, Expert(low, 1.0), boundary=600.0)
    latents = torch.zeros(1, 1, 1, 2, 2)
    assert float(flow(latents, torch.tensor(600.0), PROMPT).mean()) == 3
    assert float(flow(latents, torch.tensor(599.0), PROMPT).mean()) == -7


def test_windows_see_their_part_and_agree_where_they_meet():
    seen: list[int] = []

    def place(latents: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        seen.append(latents.shape[2])
        return latents * 2

    latents = torch.arange(27.0).view(1, 1, 27, 1, 1).repeat(1, 2, 1, 3, 3)
    blended = Flow(Expert(place, 1.0), None, window=9)(latents, T, PROMPT)
    assert seen == [9] * 4
    assert torch.allclose(blended, latents * 2)


def test_where_windows_differ_one_turns_into_the_other_step_by_step():
    turn = iter((0.0, 1.0, 2.0, 3.0))

    def differs(latents: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        return torch.full_like(latents, next(turn))

    latents = torch.zeros(1, 1, 27, 1, 1)
    blended = Flow(Expert(differs, 1.0), None, window=9)(latents, T, PROMPT).flatten()
    jumps = blended.diff()
    assert float(jumps.max()) == pytest.approx(1 / 3)
    assert (jumps >= 0).all()
    assert (float(blended[0]), float(blended[-1])) == (0.0, 3.0)
