"""Decisions in words, for the page, the log and the errors."""

from __future__ import annotations

from collections.abc import Sequence

from wan_demo.domain.memory import Precision, Profile
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.memory.ladder import Rung
from wan_demo.engine.memory.machine import GIB, Machine
from wan_demo.engine.memory.needs import Needs
from wan_demo.engine.memory.sizes import Clip

_PROFILES = {
    Profile.RESIDENT: "everything stays {place}",
    Profile.ENCODERS_AWAY: "{encoders} after encoding",
    Profile.MODEL_OFFLOAD: "its parts take turns {place}",
    Profile.ENCODER_STREAMED: "its parts take turns {place}, the text encoder layer by layer",
    Profile.GROUP_OFFLOAD: "the transformer's blocks stream in from memory",
    Profile.GROUP_OFFLOAD_LEAN: "the transformer's blocks stream in from memory",
    Profile.IN_TURN: "each part is read from the disk when its turn comes",
    Profile.SEQUENTIAL: "its layers are fetched from memory one by one (slow)",
    Profile.DISK: "its layers are read from the disk in every step (very slow)",
}


def gigabytes(count: int) -> str:
    """Bytes as a card's label counts them: ``14.9 GB``."""
    return f"{count / GIB:.1f} GB"


def device(machine: Machine) -> str:
    """What it computes on, after "on"."""
    return "the CPU" if machine.device == "cpu" else "the GPU"


def decided(
    spec: ModelSpec,
    machine: Machine,
    clip: Clip,
    taken: tuple[Rung, Needs],
    first: tuple[Rung, Needs],
    is_ram_short: bool,
) -> str:
    """What was decided and why.

    ``taken`` and ``first`` are the rung that was taken and the fastest of all, with their needs;
    ``is_ram_short`` says that RAM, too, kept it from a faster one.
    """
    rung, need = taken
    whole = f"{_subject(spec, first[0])} needs {gigabytes(first[1].device)} at {_size(clip)}"
    if rung == first[0]:
        return f"{whole} and {_free(machine)}: {_measures(spec, rung)[0]}."
    ram = f" and your machine {gigabytes(machine.ram_free)} of RAM" if is_ram_short else ""
    so = _listed(_measures(spec, rung))
    return f"{whole}; {_free(machine)}{ram}, so {so} ({gigabytes(need.device)})."


def chosen(spec: ModelSpec, clip: Clip, rung: Rung, need: Needs) -> str:
    """What a person's own profile means."""
    so = _listed(_measures(spec, rung))
    return (
        f"{_subject(spec, rung)} at {_size(clip)}, as you chose: {so} ({gigabytes(need.device)})."
    )


def lowered(spec: ModelSpec, rung: Rung, need: Needs) -> str:
    """What is tried after memory ran out."""
    so = _listed(_measures(spec, rung))
    return f"Out of memory: again with {rung.name} ({gigabytes(need.device)}): {so}."


def tight(spec: ModelSpec, machine: Machine, rung: Rung, need: Needs) -> str:
    """That a pinned choice may not fit."""
    missing = _listed(_missing(machine, need))
    return f"As you chose {rung.name}, {spec.title} needs {missing}: it may run out of memory."


def ran_out(spec: ModelSpec, clip: Clip, tried: Sequence[Rung], what: str) -> str:
    """That memory ran out while ``what``, whatever was tried, and what a person can do."""
    ways = _listed([rung.name for rung in tried])
    return (
        f"{spec.title} ran out of memory while {what} at {_size(clip)} ({ways}). Fewer frames or a "
        "smaller size need less."
    )


def refused(
    spec: ModelSpec,
    machine: Machine,
    clip: Clip,
    nearest: Needs,
    smaller: Clip | None,
    other: ModelSpec | None,
) -> str:
    """What is missing, and what would fit."""
    missing = _listed(_missing(machine, nearest))
    said = f"{spec.title} does not fit at {_size(clip)}: it needs {missing}."
    if smaller is not None:
        return f"{said} It fits at {_size(smaller)}."
    return f"{said} {other.title} fits." if other else f"{said} No other model fits either."


def _missing(machine: Machine, need: Needs) -> list[str]:
    """Each memory that is short: how much it takes, and how much is free."""
    kinds = {
        "device": ("of memory" if machine.device == "cpu" else "on the GPU", need.device),
        "ram": ("of RAM", need.ram),
        "disk": ("of disk", need.disk),
    }
    free = {"device": machine.free, "ram": machine.ram_free, "disk": machine.disk_free}
    short = [kind for kind, count in need.short(machine).items() if count]
    if machine.device == "cpu" and "device" in short:
        short.remove("ram")  # they are the same there
    return [
        f"{gigabytes(kinds[kind][1])} {kinds[kind][0]}, where {gigabytes(free[kind])} are free"
        for kind in short
    ]


def _subject(spec: ModelSpec, rung: Rung) -> str:
    if rung.precision is Precision.GGUF:
        return spec.title  # which says so
    return f"{spec.title} in {rung.precision}"


def _size(clip: Clip) -> str:
    return f"{clip.width}x{clip.height}x{clip.frames}"


def _free(machine: Machine) -> str:
    free = gigabytes(machine.free)
    if machine.device == "cuda":
        return f"your {round(machine.gpu_total / GIB)} GB card has {free} free"
    kind = "Mac's GPU" if machine.device == "mps" else "machine"
    return f"your {kind} has {free} of memory free"


def _measures(spec: ModelSpec, rung: Rung) -> list[str]:
    """What a rung does, each as a clause."""
    both = "the encoders leave" if spec.architecture.image_encoder else "the text encoder leaves"
    place = "in memory" if rung.device == "cpu" else "on the GPU"
    said = [_PROFILES[rung.profile].format(place=place, encoders=both)]
    if rung.precision in (Precision.FP8, Precision.INT8, Precision.FLOAT8):
        said.append(f"its weights are kept in {rung.precision}, a little less exact")
    if rung.vae_tiling:
        said.append("the frames are decoded in tiles")
    elif rung.vae_dtype != "float32":
        said.append("the frames are decoded in bf16")
    return said


def _listed(clauses: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(clauses) < 2:
        return "".join(clauses)
    return f"{', '.join(clauses[:-1])} and {clauses[-1]}"
