"""Flags that commands share: those of the settings, and LoRAs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from wan_demo.cli.parser import HIDDEN, Parser
from wan_demo.domain.control import Control
from wan_demo.errors import InvalidRequest
from wan_demo.settings import Settings

SECRETS = ("auth",)
"""Settings that come from the environment or ``.env`` alone."""

OWN_MODELS = "Folder that holds the models.toml of your own."


ALIASES = {
    "num_inference_steps": "--steps",
    "loras": "--lora",
    "reference_images": "--reference-image",
}


def flags_of(known: Control) -> list[str]:
    """A control's flag, and its shorter one where it has one."""
    flags = [f"--{known.name.replace('_', '-')}"]
    return [*flags, ALIASES[known.name]] if known.name in ALIASES else flags


def action_of(known: Control) -> str:
    """A flag of a list is given once for each of its values."""
    return "append" if known.is_list else "store"


def add_setting(parser: argparse.ArgumentParser, name: str, help: str | None = None) -> None:
    """A setting's flag; where it is not given, the environment says, then the default.

    It sets nothing then, so that a flag before an action (``models --data-dir D info``) is not
    undone by the same one's default behind it.
    """
    field, flag = Settings.model_fields[name], f"--{name.replace('_', '-')}"
    said = help or field.description
    if field.annotation in (bool, bool | None):
        switch = argparse.BooleanOptionalAction
        parser.add_argument(flag, action=switch, default=HIDDEN, help=said)
    else:
        word = name.rpartition("_")[2].upper()
        parser.add_argument(flag, default=HIDDEN, metavar=word, help=said)


def add_settings(parser: Parser, names: Sequence[str] = tuple(Settings.model_fields)) -> None:
    """A flag for each of these settings but secrets: everybody sees a process's arguments."""
    for name in names:
        if name not in SECRETS:
            add_setting(parser, name)


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings, flags before the environment; raises InvalidRequest naming a wrong one."""
    given = {name: getattr(options, name, None) for name in Settings.model_fields}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        finding = error.errors(include_url=False)[0]
        name, allowed = str(finding["loc"][0]), finding["msg"].replace("Input should", "must")
        given = "***" if name in SECRETS else finding["input"]
        raise InvalidRequest(name, given, allowed.removeprefix("Value error, ")) from None


def lend(loras: list[str] | None, settings: Settings) -> tuple[list[str] | None, dict[str, Path]]:
    """LoRAs as typed, with names for paths, and the files of these names."""
    from wan_demo import bootstrap
    from wan_demo.media.loras import LoraFolder, lend

    return lend(loras, LoraFolder(bootstrap.lora_folder(settings))) if loras else (None, {})
