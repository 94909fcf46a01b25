"""The solvers that a person may choose: those that follow flow matching's own noise levels."""

from __future__ import annotations

from enum import StrEnum

from wan_demo.errors import InvalidRequest

LEAST_SHIFT, MOST_SHIFT = 1.0, 20.0
"""Of the flow shift: 1 leaves the steps where they are, and Wan's own go from 3 to 16."""

DISTILLED = "dmd"
"""The solver of models that were distilled to noise levels of their own, which nothing shifts."""


class Scheduler(StrEnum):
    """What Wan's own code offers (wan/utils/fm_solvers*.py), and Euler, which Lightning needs."""

    UNIPC = "unipc"
    EULER = "euler"
    DPM = "dpm++"


def refusal(value: object) -> InvalidRequest:
    """Why ``value`` is no scheduler for Wan.

    DDIM's update (Song et al., arXiv 2010.02502) is written in the products of a diffusion
    model's noise schedule. Flow matching (Lipman et al., arXiv 2210.02747) has none: it goes along
    straight lines from noise to picture, and DDIM's step along a line is Euler's.
    """
    names = ", ".join(Scheduler)
    if isinstance(value, str) and value.strip().lower() == "ddim":
        reason = (
            "DDIM does not fit flow matching, by which Wan is trained: it steps along a diffusion "
            f"model's noise schedule, which Wan has none of; euler is its counterpart. There are "
            f"{names}"
        )
        return InvalidRequest("scheduler", value, reason, (Scheduler.EULER.value,))
    return InvalidRequest("scheduler", value, f"must be one of {names}")
