"""Which rung of the ladder a model runs on here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from wan_demo import catalog
from wan_demo.domain.memory import Precision, Profile
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.domain.size import fit_frames
from wan_demo.engine.memory import sizes, words
from wan_demo.engine.memory.ladder import (
    SLOW,
    Rung,
    ladder,
    possible_precisions,
    possible_profiles,
)
from wan_demo.engine.memory.machine import Machine
from wan_demo.engine.memory.needs import Needs, needs
from wan_demo.engine.memory.sizes import Clip
from wan_demo.errors import DoesNotFit, InvalidRequest

ALWAYS_TRIED = 2**28
"""Bytes of weights up to which a model is run whole whatever is free, unless a person pins it: what
is reckoned for it is nearly all the process itself, which runs already, and there is no smaller
one to propose."""

LOWER = 0.95
"""A lower rung needs at most this part of the memory of the one that ran out while denoising."""


@dataclass(frozen=True)
class Decision:
    """A rung, what it needs, and the sentences that say so.

    ``sentence`` says what was decided and why; ``warning`` that a person's own choice may not
    fit, or is None.
    """

    spec: ModelSpec = field(repr=False)
    machine: Machine
    clip: Clip
    rung: Rung
    needs: Needs
    sentence: str
    warning: str | None = None
    precision: Precision | None = None
    """What the person pinned, which a lower rung keeps."""


def decide(
    spec: ModelSpec,
    machine: Machine,
    width: int,
    height: int,
    frames: int,
    profile: Profile | None = None,
    precision: Precision | None = None,
    task: Task | None = None,
    others: Sequence[ModelSpec] = catalog.MODELS,
    references: int = 0,
) -> Decision:
    """The fastest rung that fits; with a pinned profile or precision, the fastest that has it.

    Sides are pixels; without a ``task`` it is planned for the model's hungriest. What is pinned
    is obeyed even where it seems too tight, with a warning, and a model of ALWAYS_TRIED is run
    whole. Raises InvalidRequest("profile" |
    "precision", ...) where it is impossible, and DoesNotFit where nothing was pinned and nothing
    fits, naming what is missing and what would fit: this model in a smaller size, or one of
    ``others``.
    """
    _refuse_impossible(spec, machine, profile, precision)
    clip = Clip(width, height, frames, task, references)
    rungs = [(rung, needs(spec, rung, clip)) for rung in ladder(spec, machine, profile, precision)]
    fitting = next(((rung, need) for rung, need in rungs if need.fit(machine)), None)
    is_pinned = profile is not None or precision is not None
    if not is_pinned and sizes.all_weights(spec, rungs[0][0]) <= ALWAYS_TRIED:
        fitting = rungs[0]
    if fitting is None and not is_pinned:
        raise DoesNotFit(_refusal(spec, machine, clip, [need for _, need in rungs], others))
    rung, need = fitting or min(rungs, key=lambda each: _shortage(each[1], machine))
    if profile is None:
        is_ram_short = _is_ram_short(rungs, machine)
        sentence = words.decided(spec, machine, clip, (rung, need), rungs[0], is_ram_short)
    else:
        sentence = words.chosen(spec, clip, rung, need)
    warning = None if fitting else words.tight(spec, machine, rung, need)
    return Decision(spec, machine, clip, rung, need, sentence, warning, precision)


def decide_for(request: GenerationRequest, spec: ModelSpec, machine: Machine) -> Decision:
    """``decide`` for one clip of a request."""
    return decide(
        spec,
        machine,
        request.width,
        request.height,
        request.num_frames,
        request.profile,
        request.precision,
        request.task,
        references=len(request.reference_images),
    )


def lower(decision: Decision) -> Decision | None:
    """The next rung down, for one retry after memory ran out while denoising; None at the end.

    It is the next one of the ladder's order that fits, needs at most LOWER times as much while
    denoising, and no more in its hungriest stage. A pinned precision is kept, a pinned profile is
    what failed.
    """
    spec, machine, clip, before = decision.spec, decision.machine, decision.clip, decision.needs
    order = list(ladder(spec, machine, precision=decision.precision))
    for rung in order[order.index(decision.rung) + 1 :]:
        need = needs(spec, rung, clip)
        is_less = need.denoise <= LOWER * before.denoise and need.device <= before.device
        if is_less and need.fit(machine):
            sentence = words.lowered(spec, rung, need)
            return Decision(spec, machine, clip, rung, need, sentence, None, decision.precision)
    return None


def fastest(spec: ModelSpec, machine: Machine, clip: Clip) -> tuple[Rung, Needs] | None:
    """The fastest rung that fits, without words; None where nothing does."""
    for rung in ladder(spec, machine):
        need = needs(spec, rung, clip)
        if need.fit(machine) or sizes.all_weights(spec, rung) <= ALWAYS_TRIED:
            return rung, need
    return None


def shortage(spec: ModelSpec, machine: Machine, clip: Clip) -> int:
    """Bytes that are missing for the rung that comes nearest; 0 where one fits."""
    return min(_shortage(needs(spec, rung, clip), machine) for rung in ladder(spec, machine))


def _refuse_impossible(
    spec: ModelSpec, machine: Machine, profile: Profile | None, precision: Precision | None
) -> None:
    precisions = sorted(possible_precisions(spec, machine))
    if precision is not None and precision not in precisions:
        allowed = f"{spec.title} on {words.device(machine)} can be kept in {', '.join(precisions)}"
        raise InvalidRequest("precision", str(precision), allowed, precisions)
    profiles = possible_profiles(machine)
    if profile is not None and profile not in profiles:
        allowed = f"on {words.device(machine)} it must be one of {', '.join(profiles)}"
        raise InvalidRequest("profile", str(profile), allowed, profiles)
    if not any(ladder(spec, machine, profile, precision)):
        allowed = f"weights in {precision} can't be kept on the disk; choose another of the two"
        raise InvalidRequest("profile", str(profile), allowed)


def _shortage(need: Needs, machine: Machine) -> int:
    return sum(need.short(machine).values())


def _is_ram_short(rungs: Sequence[tuple[Rung, Needs]], machine: Machine) -> bool:
    """Whether a faster rung failed for want of RAM alone."""
    for _, need in rungs:
        missing = need.short(machine)
        if not any(missing.values()):
            return False
        if missing["ram"] and not missing["device"]:
            return True
    return False


def _refusal(
    spec: ModelSpec,
    machine: Machine,
    clip: Clip,
    tried: Sequence[Needs],
    others: Sequence[ModelSpec],
) -> str:
    nearest = min(tried, key=lambda need: _shortage(need, machine))
    smaller = next((each for each in _smaller(spec, clip) if fastest(spec, machine, each)), None)
    other = None if smaller else _largest_other(spec, machine, others)
    return words.refused(spec, machine, clip, nearest, smaller, other)


def _smaller(spec: ModelSpec, clip: Clip) -> Iterator[Clip]:
    """Smaller clips of a model, the least reduced first: fewer frames, then smaller sizes."""
    sizes = {
        (clip.width, clip.height),
        *(size for r in spec.resolutions for size in r.sizes.values()),
    }
    area, wide = clip.width * clip.height, clip.width >= clip.height
    kept = [(w, h) for w, h in sizes if w * h <= area and (w >= h) == wide]
    for width, height in sorted(kept, key=lambda size: -size[0] * size[1]):
        for part in (1.0, 0.6, 0.4, 0.2):
            frames = fit_frames(int(clip.frames * part), spec.limits)
            yield replace(clip, width=width, height=height, frames=frames)


def _largest_other(
    spec: ModelSpec, machine: Machine, others: Sequence[ModelSpec]
) -> ModelSpec | None:
    """The model of most weights that does one of the same tasks, and not slowly."""

    def runs(other: ModelSpec) -> bool:
        found = fastest(other, machine, default_clip(other))
        return found is not None and found[0].profile not in SLOW

    alike = (other for other in others if set(other.tasks) & set(spec.tasks))
    fitting = [other for other in alike if other.id != spec.id and runs(other)]
    return max(fitting, key=lambda other: sum(other.architecture.parameters.values()), default=None)


def default_clip(spec: ModelSpec) -> Clip:
    """What a model makes unless told otherwise."""
    return Clip(*spec.defaults.size, spec.defaults.num_frames)
