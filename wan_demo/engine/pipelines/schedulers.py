"""The flow-matching solvers, built anew for each run: a scheduler holds state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
)

TRAIN_STEPS = 1000
"""Timesteps of the Wan models run from 0 to 1000 (``num_train_timesteps`` of wan/configs)."""

# DMD's noise levels: FastVideo's sampler for FastWan2.2 (timesteps 1000, 757, 522).
DMD_SIGMAS = (1.0, 0.757, 0.522)

# Keeps the noise that is drawn between steps apart from the one that the latents start from.
_OTHER_NOISE = 0x5EED


def _unipc(flow_shift: float, _seed: int) -> Any:
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=flow_shift,
        num_train_timesteps=TRAIN_STEPS,
    )


def _dpm(flow_shift: float, _seed: int) -> Any:
    return DPMSolverMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=flow_shift,
        num_train_timesteps=TRAIN_STEPS,
        algorithm_type="dpmsolver++",
        solver_order=2,
    )


def _euler(flow_shift: float, _seed: int) -> Any:
    def sigmas(steps: int) -> list[float]:
        """Equal steps of t from 1 to 0, shifted: fm_solvers_euler.py of ModelTC/Wan2.2-Lightning.

        diffusers' own spacing ends at the smallest training level instead of 0, which the
        distilled models never saw.
        """
        times = [1 - step / steps for step in range(steps)]
        return [flow_shift * t / (1 + (flow_shift - 1) * t) for t in times]

    return _with_sigmas(FlowMatchEulerDiscreteScheduler(num_train_timesteps=TRAIN_STEPS), sigmas)


def _dmd(_flow_shift: float, seed: int) -> Any:
    """Distribution matching distillation (Yin et al., arXiv 2405.14867): predict, noise anew."""
    scheduler = FlowMatchEulerDiscreteScheduler(
        num_train_timesteps=TRAIN_STEPS, stochastic_sampling=True
    )
    generator = torch.Generator("cpu").manual_seed(seed ^ _OTHER_NOISE)
    step = scheduler.step

    def step_with_own_noise(*arguments: Any, **options: Any) -> Any:
        """Wan's pipelines pass no generator on, which would draw from the process's own."""
        return step(*arguments, **{**options, "generator": generator})

    scheduler.step = step_with_own_noise  # pyright: ignore[reportAttributeAccessIssue]
    return _with_sigmas(scheduler, lambda steps: DMD_SIGMAS[:steps])


def _with_sigmas(scheduler: Any, sigmas: Callable[[int], Sequence[float]]) -> Any:
    """Pins the noise levels, which Wan's pipelines have no argument for."""
    original = scheduler.set_timesteps

    def set_timesteps(num_inference_steps: int, device: Any = None) -> None:
        original(sigmas=list(sigmas(num_inference_steps)), device=device)

    scheduler.set_timesteps = set_timesteps
    return scheduler


_BUILDERS: dict[str, Callable[[float, int], Any]] = {
    "unipc": _unipc,
    "dpm++": _dpm,
    "euler": _euler,
    "dmd": _dmd,
}


def new_scheduler(name: str, flow_shift: float, seed: int = 0) -> Any:
    """A fresh scheduler; ``flow_shift`` moves the steps towards high noise (1 leaves them).

    UniPC and DPM++ are what Wan's own ``generate.py`` offers (wan/utils/fm_solvers*.py), Euler
    and DMD what the distilled checkpoints were made for. ``seed`` is for solvers that draw noise
    between steps. Raises KeyError for another name.
    """
    return _BUILDERS[name](flow_shift, seed)
