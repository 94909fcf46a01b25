"""``generate``: one video, without a server."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from wan_demo.cli.options import action_of, add_setting, flags_of, lend, settings_of
from wan_demo.cli.parser import HIDDEN, Commands
from wan_demo.cli.progress import run_to_end
from wan_demo.domain.control import Control, controls
from wan_demo.domain.job import Job
from wan_demo.domain.request import INPUTS, Task
from wan_demo.errors import InvalidRequest, WanDemoError

LORA_HELP = (
    "NAME or NAME:WEIGHT: a file, one of the data folder's loras/, or of the hub as owner/repo or "
    "owner/repo/file.safetensors; may be given several times, and end in :high or :low for one "
    "expert of Wan2.2."
)
USAGE = "%(prog)s --prompt TEXT --output FILE.mp4 [...]"
EPILOG = "What is left out is the model's own default; without --model, the best that is here."


def add(commands: Commands) -> None:
    """The command and a flag for every control of the request."""
    text = "Make one video, without a server."
    parser = commands.add_parser(
        "generate", help=text, description=text, usage=USAGE, epilog=EPILOG
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="The MP4 to write.")
    for known in controls():
        flags, action = flags_of(known), action_of(known)
        word = _word(known)
        parser.add_argument(*flags, dest=known.name, action=action, metavar=word, help=_help(known))
    said = "The values of one of the model's presets, where no flag gives another."
    parser.add_argument("--preset", metavar="NAME", help=said)
    add_setting(parser, "device")
    add_setting(parser, "data_dir", "Folder that holds your models.toml and loras/.")
    add_setting(parser, "engine", HIDDEN)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make the video, in a folder that is gone afterwards, and put it where it is wanted."""
    from wan_demo import bootstrap
    from wan_demo.media.folder import DataFolder, replacing

    settings = settings_of(options)
    _check_output(options.output)
    options.loras, lent = lend(options.loras, settings)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        folder = DataFolder(Path(scratch)).create()
        one_off = bootstrap.make_one_off(settings, folder, lent)
        given = {**_given(options), "model": None}  # the settings' model, which may be a path
        job = run_to_end(one_off, one_off.service.submit(given, owner="shell"))
        if job.failure is not None:
            raise WanDemoError(job.failure.message)
        for output, target in zip(job.outputs, _targets(options.output, job), strict=True):
            with replacing(target) as part:
                shutil.copyfile(folder.video(output.file), part)
            print(f"{target} (seed {output.seed})")
        for note in one_off.service.prompt_notes(job.request):
            print(f"Note: {note}", file=sys.stderr)
    return 0


def _word(known: Control) -> str:
    """What stands for a flag's value in the help."""
    if known.choices or known.name == "model":
        return "NAME"
    if known.name == "loras":
        return "LORA"
    if known.name in INPUTS:
        return "FILE"
    if known.maximum is not None:
        return "N" if known.is_integer else "X"
    return "TEXT"


def _help(known: Control) -> str:
    if known.name == "loras":
        return LORA_HELP
    if known.is_list:
        return f"{known.help} May be given several times."
    if known.choices:
        return f"{known.help} One of {', '.join(known.choices)}."
    if known.minimum is None or known.maximum is None:
        return known.help
    above = "More than " if known.is_above_minimum else ""
    return f"{known.help} {above}{known.minimum:g} to {known.maximum:.12g}."


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The request's fields as typed; numbers become numbers, what is not one is refused later."""
    given = {known.name: getattr(options, known.name) for known in controls()}
    given["task"] = given["task"] or Task.TEXT_TO_VIDEO
    typed = {
        known.name: _number(given[known.name]) if known.maximum is not None else given[known.name]
        for known in controls()
    }
    return {**typed, "preset": options.preset}


def _number(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def _check_output(output: Path | None) -> None:
    """Refuse a file that can't be written before the work, not after it."""
    if output is None or output.suffix.lower() != ".mp4" or output.is_dir():
        given = output and str(output)
        raise InvalidRequest("output", given, "must be the name of an .mp4 file")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest("output", str(output), f"can't be made: {error.strerror}") from None
    if not os.access(output.parent, os.W_OK):
        raise InvalidRequest("output", str(output), "must be in a folder that you may write to")


def _targets(output: Path, job: Job) -> list[Path]:
    """``clip.mp4``, and ``clip-2.mp4`` ... where several were asked for."""
    names = [output]
    for number in range(2, len(job.outputs) + 1):
        names.append(output.with_stem(f"{output.stem}-{number}"))
    return names
