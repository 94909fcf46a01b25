"""Writes the README's table of what cards of several sizes are offered.

``python -m scripts.memory_table`` after a change of the policy or the catalogue; a test holds the
table against both. ``--all`` prints every model on every card.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from wan_demo import catalog
from wan_demo.domain.memory import Profile
from wan_demo.engine.memory import GIB, Machine, Offer, best_for, offers
from wan_demo.engine.memory.words import gigabytes

PAGE = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- memory -->", "<!-- /memory -->"

CARDS = ((8, 32), (16, 64), (24, 64), (48, 128), (80, 256))
"""GB of the card and of RAM beside it."""

DISPLAY = 0.7
"""GB of a card that the driver and a desktop take."""

SYSTEM = 4
"""GB of RAM that the operating system and a browser take."""

SHORT = {
    Profile.RESIDENT: "on the GPU",
    Profile.ENCODERS_AWAY: "encoder away",
    Profile.MODEL_OFFLOAD: "in turns",
    Profile.ENCODER_STREAMED: "in turns, encoder streamed",
    Profile.GROUP_OFFLOAD: "blocks streamed",
    Profile.GROUP_OFFLOAD_LEAN: "blocks streamed, lean",
    Profile.IN_TURN: "from disk in turns",
    Profile.SEQUENTIAL: "layer by layer",
    Profile.DISK: "from disk",
}


def card(gpu: int, ram: int) -> Machine:
    """A machine with a modern NVIDIA card of ``gpu`` GB, and ``ram`` GB of RAM."""
    return Machine(
        "cuda",
        gpu_total=gpu * GIB,
        gpu_free=int((gpu - DISPLAY) * GIB),
        ram_total=ram * GIB,
        ram_free=(ram - SYSTEM) * GIB,
        disk_free=500 * GIB,
        has_bf16=True,
        has_fp8=True,
    )


def how(offer: Offer) -> str:
    """A cell: how a model runs, and what it needs of the card."""
    if offer.rung is None or offer.needs is None:
        return "-"
    rung = offer.rung
    decode = (
        ", tiled" if rung.vae_tiling else ", bf16 decode" if rung.vae_dtype != "float32" else ""
    )
    said = f"{SHORT[rung.profile]}, {rung.precision}{decode}"
    return f"{said}, {gigabytes(offer.needs.device)} (+ {gigabytes(offer.needs.ram)} RAM)"


def readme(text: str) -> str:
    """README.md with the table put in between its marks."""
    before, rest = text.split(BEGIN)
    table = "\n".join(proposals())
    return f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}"


def proposals() -> Iterator[str]:
    """One line a card: what is proposed, at each of its resolutions."""
    yield "| GPU | RAM | Proposed | 480p | 720p |"
    yield "|---|---|---|---|---|"
    for gpu, ram in CARDS:
        machine = card(gpu, ram)
        spec = best_for(machine)
        cells = {offer.resolution: how(offer) for offer in offers([spec], machine)}
        sizes = " | ".join(cells.get(name, "") for name in ("480p", "720p"))
        yield f"| {gpu} GB | {ram} GB | {spec.title} | {sizes} |"


def everything() -> Iterator[str]:
    """One line a model and resolution, one column a card."""
    heads = [f"{gpu} GB, {ram} GB RAM" for gpu, ram in CARDS]
    yield f"| Model | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 1) + "|"
    columns = [offers(catalog.MODELS, card(gpu, ram)) for gpu, ram in CARDS]
    for row in zip(*columns, strict=True):
        cells = " | ".join(how(offer) for offer in row)
        yield f"| {row[0].spec.title}, {row[0].resolution} | {cells} |"


def main() -> None:
    """Write the README's table, or print the large one."""
    if "--all" in sys.argv[1:]:
        print(*everything(), sep="\n")
    else:
        PAGE.write_text(readme(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
