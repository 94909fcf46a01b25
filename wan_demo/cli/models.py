"""``models``: what there is, what fits this machine, and what is here."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Sequence

from wan_demo.catalog import Catalog
from wan_demo.cli.described import as_json, as_text
from wan_demo.cli.options import OWN_MODELS, add_setting, settings_of
from wan_demo.cli.parser import HIDDEN, Commands, Parser
from wan_demo.cli.progress import Line, Pace
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.engine.device import detect
from wan_demo.engine.memory import default_offer
from wan_demo.hub.words import size

SOURCES = {
    Task.TEXT_TO_VIDEO: "text",
    Task.IMAGE_TO_VIDEO: "image",
    Task.VIDEO_TO_VIDEO: "video",
}
"""What a task makes a video from, in a word: a row is to fit into 80 columns."""


def add(commands: Commands) -> None:
    """The command, its actions and their flags."""
    text = "List, show and download models."
    parser = commands.add_parser("models", help=text, description=text)
    _add_shared(parser, run)
    parser.add_argument("--json", action="store_true", help="The list as JSON.")
    actions = parser.add_subparsers(metavar="[ACTION]")
    text = "Show all that the catalogue knows of a model."
    about = actions.add_parser("info", help=text, description=text)
    _add_shared(about, info)
    about.add_argument("--json", action="store_true", default=HIDDEN, help="As JSON.")
    text = "Fetch a model's files, from where an earlier try stopped."
    fetch = actions.add_parser("download", help=text, description=text)
    _add_shared(fetch, download)
    for action in (about, fetch):
        action.add_argument("id", metavar="ID", help="The model, as `models` lists it.")


def run(options: argparse.Namespace) -> int:
    """Print the table, or the list as JSON."""
    from wan_demo import bootstrap

    settings = settings_of(options)
    machine, models = bootstrap.measure(settings), bootstrap.make_catalog(settings)
    for fault in models.faults:
        print(fault, file=sys.stderr)
    here = {spec.id: bootstrap.is_available(spec) for spec in models.models}
    if options.json:
        rows = [as_json(spec, here[spec.id], machine) for spec in models.models]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    _print_table(
        [
            (
                spec.id,
                _to_fetch(spec, here[spec.id]),
                default_offer(spec, machine).said,
                _from(spec),
            )
            for spec in models.models
        ]
    )
    if settings.model is None:
        spec, why = bootstrap.default_model(settings, detect(settings.device), machine, models)
        chosen = f"Without --model it is {spec.id}, because {why}."
        print("", textwrap.fill(chosen, shutil.get_terminal_size().columns), sep="\n")
    return 0


def info(options: argparse.Namespace) -> int:
    """Print one model, for people or as JSON."""
    from wan_demo import bootstrap

    settings = settings_of(options)
    spec, machine = _find(options, bootstrap.make_catalog(settings)), bootstrap.measure(settings)
    is_here = bootstrap.is_available(spec)
    if options.json:
        print(json.dumps(as_json(spec, is_here, machine), indent=2, ensure_ascii=False))
    else:
        print(as_text(spec, is_here, machine))
    return 0


def download(options: argparse.Namespace) -> int:
    """Fetch what is missing; the model's folder is all that standard output gets."""
    from wan_demo import bootstrap

    settings = settings_of(options)
    spec, line = _find(options, bootstrap.make_catalog(settings)), Line()
    if bootstrap.is_available(spec):
        line.say(f"{spec.title} is on this machine already.")
    else:
        _announce(spec, line)
    try:
        files = bootstrap.make_locate(settings)(spec, _Fetching(line), lambda: False)
    except KeyboardInterrupt:
        line.say("What has arrived is kept: the same command goes on from there.")
        raise
    finally:
        line.end()
    print(files.folder)
    return 0


class _Fetching:
    """Tells of one source of the hub after the other, as its bytes arrive."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._pace = Pace()
        self._last = (0, 0)

    def __call__(self, done: int, total: int) -> None:
        had, of = self._last
        if total != of or had == of:  # another one: the last is whole
            kept = f"; {size(done)} are here, and it goes on from there" if done else ""
            self._line.say(f"{size(total)} to fetch{kept}.")
        self._last = (done, total)
        self._line.show(self._pace.said(done, total))


def _announce(spec: ModelSpec, line: Line) -> None:
    """What will be fetched, how much it is, and where it goes."""
    from wan_demo.hub.cache import default_root, find

    line.say(f"{spec.title}: about {size(spec.download_bytes)} in all, into {default_root()}")
    for source in dict.fromkeys(spec.weights.sources):
        if find(source) is None:
            line.say("  " + " ".join((source.repo, *source.patterns)))


def _add_shared(parser: Parser, run: object) -> None:
    parser.set_defaults(run=run)
    add_setting(parser, "data_dir", OWN_MODELS)


def _find(options: argparse.Namespace, models: Catalog) -> ModelSpec:
    """The model that was named; raises InvalidRequest with the nearest ids."""
    return models.find(options.id)


def _to_fetch(spec: ModelSpec, is_here: bool) -> str:
    return "ready" if is_here else f"{spec.download_bytes / 1e9:.0f} GB"


def _from(spec: ModelSpec) -> str:
    return " ".join(SOURCES[task] for task in spec.tasks)


def _print_table(rows: Sequence[tuple[str, str, str, str]]) -> None:
    """Columns under their names; the second one, of numbers, to the right."""
    rows = [("MODEL", "TO FETCH", "THIS MACHINE", "MAKES VIDEO FROM"), *rows]
    first, second, third = (max(len(row[at]) for row in rows) for at in range(3))
    for row in rows:
        print(f"{row[0]:<{first}}  {row[1]:>{second}}  {row[2]:<{third}}  {row[3]}")
