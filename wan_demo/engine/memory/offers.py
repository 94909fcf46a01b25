"""What a machine is offered: each model with how it would run, and the one to propose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wan_demo import catalog
from wan_demo.catalog.proposals import BEST_FIRST
from wan_demo.domain.memory import Profile
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.memory.decide import default_clip, fastest, shortage
from wan_demo.engine.memory.ladder import NEAR, SLOW, Rung, ladder, possible_profiles
from wan_demo.engine.memory.machine import Machine, plenty
from wan_demo.engine.memory.needs import Needs, needs
from wan_demo.engine.memory.sizes import Clip
from wan_demo.engine.memory.words import gigabytes


@dataclass(frozen=True)
class Offer:
    """How a machine runs a model at one of its resolutions, with the default length.

    ``rung`` and ``needs`` are None where it does not fit; ``missing`` is how many bytes it lacks
    then, of all memories together.
    """

    spec: ModelSpec
    resolution: str
    clip: Clip
    rung: Rung | None = None
    needs: Needs | None = None
    missing: int = 0

    @property
    def said(self) -> str:
        """In two or three words, for a list."""
        if self.rung is None:
            return f"needs {gigabytes(self.missing)} more"
        if self.rung.profile is Profile.RESIDENT:
            return "fits whole"
        if self.rung.profile in NEAR:
            return "fits, in turns"
        return "fits, slowly" if self.rung.profile in SLOW else "fits, streamed"

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
    if found is None:
        return Offer(spec, resolution, clip, missing=shortage(spec, machine, clip))
    return Offer(spec, resolution, clip, *found)


def default_offer(spec: ModelSpec, machine: Machine) -> Offer:
    """How this machine makes what a model makes unless told otherwise."""
    clip = default_clip(spec)
    return offer(spec, spec.resolution(clip.width, clip.height).name, clip, machine)


def by_profile(spec: ModelSpec) -> dict[Profile, tuple[Rung, Needs]]:
    """What a model needs for what it makes by default on a GPU, in every way to keep it."""
    machine, clip = plenty("cuda"), default_clip(spec)
    return {
        profile: (rung, needs(spec, rung, clip))
        for profile in possible_profiles(machine)
        for rung in [next(ladder(spec, machine, profile))]
    }


def best_for(machine: Machine, specs: Sequence[ModelSpec] = catalog.MODELS) -> ModelSpec:
    """What the page proposes: the best model that runs comfortably with its defaults.

    The bundled one where no other does. On a CPU it is always the bundled one: the 1.3B takes
    hours there.
    """
    by_id = {spec.id: spec for spec in specs}
    ranked = [by_id[each] for each in BEST_FIRST if each in by_id]
    for spec in ranked if machine.device != "cpu" else ():
        if default_offer(spec, machine).is_comfortable:
            return spec
    return catalog.BUNDLED
