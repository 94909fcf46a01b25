"""The flow-matching solvers, built anew for each run: a scheduler holds state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diffusers import (
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
)

TRAIN_STEPS = 1000
"""Timesteps of the Wan models run from 0 to 1000 (``num_train_timesteps`` of wan/configs)."""


def _unipc(flow_shift: float) -> Any:
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=flow_shift,
        num_train_timesteps=TRAIN_STEPS,
    )


def _euler(flow_shift: float) -> Any:
    return FlowMatchEulerDiscreteScheduler(shift=flow_shift, num_train_timesteps=TRAIN_STEPS)


def _dpm(flow_shift: float) -> Any:
    return DPMSolverMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=flow_shift,
        num_train_timesteps=TRAIN_STEPS,
        algorithm_type="dpmsolver++",
        solver_order=2,
    )


_BUILDERS: dict[str, Callable[[float], Any]] = {"unipc": _unipc, "euler": _euler, "dpm++": _dpm}


def new_scheduler(name: str, flow_shift: float) -> Any:
    """A fresh scheduler; ``flow_shift`` moves the steps towards high noise (1 leaves them).

    UniPC and DPM++ are what Wan's own ``generate.py`` offers (wan/utils/fm_solvers*.py), Euler is
    what the distilled checkpoints were made for. Raises KeyError for another name.
    """
    return _BUILDERS[name](flow_shift)
