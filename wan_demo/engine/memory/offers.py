"""What a machine is offered: each model with how it would run, and the one to propose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wan_demo import catalog
from wan_demo.catalog.proposals import BEST_FIRST
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.memory.decide import default_clip, fastest
from wan_demo.engine.memory.ladder import NEAR, Rung
from wan_demo.engine.memory.machine import Machine
from wan_demo.engine.memory.needs import Needs
from wan_demo.engine.memory.sizes import Clip


@dataclass(frozen=True)
class Offer:
    """How a machine runs a model at one of its resolutions, with the default length.

    ``rung`` and ``needs`` are None where it does not fit.
    """

    spec: ModelSpec
    resolution: str
    clip: Clip
    rung: Rung | None = None
    needs: Needs | None = None

    @property
    def fits(self) -> bool:
        """Whether it runs at all."""
        return self.rung is not None

    @property
    def is_comfortable(self) -> bool:
        """Whether it runs without moving its weights in every pass.

        Streaming blocks costs little beside a large card's computing; but where it is the only
        way, the card is mostly slow as well: 14B on an 8 GB card takes hours.
        """
        return self.rung is not None and self.rung.profile in NEAR


def offers(specs: Iterable[ModelSpec], machine: Machine) -> list[Offer]:
    """One for each resolution of each model, in their order."""
    return [
        offer(spec, resolution.name, clip, machine)
        for spec in specs
        for resolution in spec.resolutions
        for clip in [Clip(*next(iter(resolution.sizes.values())), spec.defaults.num_frames)]
    ]


def offer(spec: ModelSpec, resolution: str, clip: Clip, machine: Machine) -> Offer:
    """How this machine makes ``clip``."""
    found = fastest(spec, machine, clip)
    return Offer(spec, resolution, clip, *found) if found else Offer(spec, resolution, clip)


def best_for(machine: Machine, specs: Sequence[ModelSpec] = catalog.MODELS) -> ModelSpec:
    """What the page proposes: the best model that runs comfortably with its defaults.

    The bundled one where no other does. On a CPU it is always the bundled one: the 1.3B takes
    hours there.
    """
    by_id = {spec.id: spec for spec in specs}
    ranked = [by_id[each] for each in BEST_FIRST if each in by_id]
    for spec in ranked if machine.device != "cpu" else ():
        clip = default_clip(spec)
        resolution = spec.resolution(clip.width, clip.height).name
        if offer(spec, resolution, clip, machine).is_comfortable:
            return spec
    return catalog.BUNDLED
