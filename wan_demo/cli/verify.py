"""``verify``: a clip rendered again from its own metadata, and compared."""

from __future__ import annotations

import argparse
from pathlib import Path

from wan_demo.cli.options import action_of, add_setting, flags_of, lend, settings_of
from wan_demo.cli.parser import HIDDEN, Commands
from wan_demo.cli.progress import run_to_end
from wan_demo.domain.control import control
from wan_demo.domain.request import INPUTS

DIFFERENT = 1
"""Exit status for a clip that does not come out the same."""


def add(commands: Commands) -> None:
    """The command and its flags."""
    text = "Render a clip again from its own metadata, and compare every frame."
    parser = commands.add_parser("verify", help=text, description=text)
    parser.add_argument("clip", type=Path, help="An MP4 that this app made.")
    for known in map(control, INPUTS):
        said = f"Its {known.label.lower()}, where the data folder does not keep it."
        if known.is_list:
            said = said.replace("it.", "them; may be given several times.")
        parser.add_argument(
            *flags_of(known),
            dest=known.name,
            action=action_of(known),
            type=Path,
            metavar="FILE",
            help=said,
        )
    parser.add_argument(
        "--lora",
        action="append",
        metavar="FILE",
        help="A LoRA of it, where the data folder does not keep it; may be given several times.",
    )
    add_setting(parser, "data_dir", "Folder that keeps what clips were made from.")
    add_setting(parser, "model", "The path of its model, if it was made with one.")
    add_setting(parser, "device", "auto (the one that made it), cuda, mps or cpu.")
    add_setting(parser, "engine", HIDDEN)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what came of it; 0 where every frame is the same, else ``DIFFERENT``."""
    from wan_demo.verify import verify

    media, settings = {name: getattr(options, name) for name in INPUTS}, settings_of(options)
    _, lent = lend(options.lora, settings)
    verdict = verify(options.clip, media, settings, run_to_end, lent)
    request, name = verdict.request, options.clip.name
    made = f"{request.played_frames} frames of {request.model}, seed {request.seed}"
    said = "the same frames again" if verdict.is_same else "not made again to the same frames"
    print(f"{name}: {said} ({made})")
    for line in verdict.differences:
        print(f"  {line}")
    return 0 if verdict.is_same else DIFFERENT
