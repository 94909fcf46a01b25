"""FlowEdit on flows that can be reckoned by hand."""

from __future__ import annotations

import itertools

import pytest
import torch

from wan_demo.engine.edit.flow import Expert, Flow
from wan_demo.engine.edit.flow_edit import Extent, flow_edit
from wan_demo.engine.edit.renoise import renoise
from wan_demo.engine.pipelines.schedulers import new_scheduler

STEPS = 10
SHAPE = (1, 2, 3, 4, 4)


class Bench:
    """Flows towards clean points: of a prompt ``p`` the clip of all ``p``, so noise - p."""

    def __init__(self) -> None:
        self.noise: list[torch.Tensor] = []
        self.calls = 0
        self.scheduler = new_scheduler("euler", 1.0)
        self.scheduler.set_timesteps(STEPS)
        self._generator = torch.Generator().manual_seed(0)

    def draw(self) -> torch.Tensor:
        self.noise.append(torch.randn(SHAPE, generator=self._generator))
        return self.noise[-1]

    def _predict(self, latents, timestep, prompt):
        self.calls += 1
        sigma = timestep / 1000
        return (latents - prompt) / sigma

    def run(self, source: float, target: float, extent: Extent, mask=None, window=9, **given):
        flow = Flow(Expert(self._predict, 1.0), None, window)
        clip = torch.full(SHAPE, source)
        prompts = (flow, torch.tensor(source), flow, lambda _index: torch.tensor(target))
        return flow_edit(clip, self.draw, self.scheduler, extent, *prompts, mask, **given)


def test_the_same_prompt_changes_nothing():
    assert torch.equal(Bench().run(2.0, 2.0, Extent(7)), torch.full(SHAPE, 2.0))


def test_all_steps_lead_to_the_target():
    made = Bench().run(2.0, 5.0, Extent(STEPS))
    assert torch.allclose(made, torch.full(SHAPE, 5.0), atol=1e-4)


def test_fewer_steps_follow_the_paper_step_by_step():
    made = Bench().run(2.0, 5.0, Extent(4))
    edited, sigma = 2.0, [0.4, 0.3, 0.2, 0.1, 0.0]
    for now, after in itertools.pairwise(sigma):
        noisy = (1 - now) * 2.0  # the noise is the same in both flows, and goes
        wanted, present = (edited + noisy - 2.0 - 5.0) / now, (noisy - 2.0) / now
        edited += (after - now) * (wanted - present)
    assert torch.allclose(made, torch.full(SHAPE, edited), atol=1e-4)


@pytest.mark.parametrize(("extent", "calls", "draws"), [(Extent(4), 8, 4), (Extent(4, 1), 7, 4)])
def test_free_steps_ask_the_target_alone(extent, calls, draws):
    bench = Bench()
    bench.run(2.0, 5.0, extent)
    assert (bench.calls, len(bench.noise)) == (calls, draws)


def test_free_steps_end_at_the_target():
    assert torch.allclose(Bench().run(2.0, 5.0, Extent(4, 2)), torch.full(SHAPE, 5.0), atol=1e-4)


def test_noises_are_averaged():
    bench = Bench()
    bench.run(2.0, 5.0, Extent(3, 0, 2))
    assert (bench.calls, len(bench.noise)) == (12, 6)


@pytest.mark.parametrize("window", [9, 2], ids=["one window", "two windows"])
@pytest.mark.parametrize("extent", [Extent(6), Extent(6, 2), Extent(6, 6), Extent(1), Extent(1, 1)])
def test_outside_the_mask_nothing_changes(extent, window):
    mask = torch.zeros(1, 1, 3, 4, 4)
    mask[..., :2] = 1
    made = Bench().run(2.0, 5.0, extent, mask, window)
    assert torch.allclose(made[..., 2:], torch.full((1, 2, 3, 4, 2), 2.0), atol=1e-6)
    assert float(made[..., :2].mean()) > 3


def test_one_step_goes_from_its_noise_level_to_none():
    """Both flows at 0.1: what is added is their difference, 3 / 0.1, times 0.1."""
    bench = Bench()
    made = bench.run(2.0, 5.0, Extent(1))
    assert (bench.calls, len(bench.noise)) == (2, 1)
    assert torch.allclose(made, torch.full(SHAPE, 5.0), atol=1e-4)


def curved(latents: torch.Tensor, timestep: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
    """A flow that leads nowhere in particular."""
    return torch.sin(3 * latents + prompt) * (timestep / 1000)


@pytest.mark.parametrize("steps", [1, 4, STEPS])
def test_with_free_steps_alone_it_is_renoising_by_euler(steps):
    """Algorithm 1 with n_min = n_max; at all of the steps nothing of the source is left."""
    source, flow = torch.rand(SHAPE), Flow(Expert(curved, 1.0), None, window=9)
    bench, prompts = Bench(), lambda _index: torch.tensor(5.0)
    both = (flow, torch.tensor(2.0), flow, prompts)
    made = flow_edit(source, bench.draw, bench.scheduler, Extent(steps, steps), *both)
    assert len(bench.noise) == 1
    scheduler = Bench().scheduler
    expected = renoise(source, bench.noise[0], scheduler, steps, flow, prompts)
    assert torch.allclose(made, expected, atol=1e-5)
    other = renoise(source + 1, bench.noise[0], Bench().scheduler, steps, flow, prompts)
    assert torch.equal(expected, other) is (steps == STEPS)


def test_a_step_is_told_without_its_noise():
    told: list[torch.Tensor] = []
    made = Bench().run(2.0, 5.0, Extent(5, 3), on_step=lambda _index, seen: told.append(seen))
    for seen in told[2:]:  # the target, as the flow towards it goes straight
        assert torch.allclose(seen, torch.full(SHAPE, 5.0), atol=1e-4)
    assert torch.equal(told[-1], made)


def test_each_step_is_told():
    told: list[int] = []
    Bench().run(2.0, 5.0, Extent(5, 2), on_step=lambda index, _latents: told.append(index))
    assert told == [0, 1, 2, 3, 4]
