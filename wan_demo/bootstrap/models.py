"""Which models there are, where their files lie, and what runs them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from wan_demo import catalog
from wan_demo.catalog import BUILT_IN, Catalog, own
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.base import Engine
from wan_demo.engine.device import Device, detect
from wan_demo.engine.fake import FakeEngine
from wan_demo.engine.machine import Watch
from wan_demo.engine.memory import Machine, best_for
from wan_demo.errors import ModelUnavailable
from wan_demo.hub.checkpoint import OnBytes, fetch_checkpoint, find_checkpoint, local_checkpoint
from wan_demo.hub.connection import Stopped
from wan_demo.media.folder import DataFolder
from wan_demo.media.loras import NONE_LENT, LoraFolder
from wan_demo.service import Loras
from wan_demo.settings import Settings

log = logging.getLogger(__name__)


def make_catalog(settings: Settings) -> Catalog:
    """The built-in models, those of the data folder's models.toml, and the one of a path."""
    models = own.with_own(BUILT_IN, settings.data_dir)
    path = _path_of(settings.model, models)
    if path is None:
        return models
    from wan_demo.engine.pipelines.recognise import recognise  # with the library of GGUF

    at_path = own.at_path(path.absolute(), recognise(path, BUILT_IN.models))
    return Catalog((*models.models, at_path), models.faults)


def _path_of(model: str | None, models: Catalog) -> Path | None:
    """The folder or file that a setting names, where it is no id."""
    is_path = model is not None and model not in models.ids and os.path.exists(model)
    return Path(str(model)) if is_path else None


def default_model(
    settings: Settings, device: Device, machine: Machine, models: Catalog = BUILT_IN
) -> tuple[ModelSpec, str]:
    """The model to start with, and why: the one asked for, else the best that is at hand."""
    if settings.model is not None:
        path = _path_of(settings.model, models)
        return models.find(own.id_of(path) if path else settings.model), "you asked for it"
    best = best_for(machine)
    if best is catalog.BUNDLED:
        return best, "there is no GPU" if device.kind == "cpu" else "the GPU is small"
    here = best_for(machine, [spec for spec in catalog.MODELS if is_available(spec)])
    if here is not catalog.BUNDLED:
        return here, f"it fits your {device.name}"
    size = f"{best.download_bytes / 1e9:.0f} GB"
    return here, f"{best.title} would fit your {device.name} but is not here ({size})"


def measure(settings: Settings) -> Machine:
    """What this machine has for a model."""
    return Watch(detect(settings.device), settings.data_dir)()


def is_available(spec: ModelSpec) -> bool:
    """Whether a model's files are on this machine, whole."""
    return find_checkpoint(spec.weights) is not None


def make_locate(settings: Settings) -> Callable[[ModelSpec, OnBytes, Stopped], Checkpoint]:
    """Finds a model's files, and fetches what is missing where the settings allow it."""

    def locate(spec: ModelSpec, on_bytes: OnBytes, stopped: Stopped) -> Checkpoint:
        here = find_checkpoint(spec.weights)
        if here is not None:
            return here
        if spec.bundled and not _is_there(spec):
            raise ModelUnavailable(f"{spec.title} is missing from {spec.weights.name}/.")
        if spec.bundled:  # not whole, which the engine says best
            return local_checkpoint(spec.weights)
        if settings.downloads is False:
            raise ModelUnavailable(f"{spec.title} is not on this machine.")
        return fetch_checkpoint(spec.weights, on_bytes, stopped)

    return locate


def _is_there(spec: ModelSpec) -> bool:
    base = spec.weights.base
    return isinstance(base, Path) and base.is_dir()


def lora_folder(settings: Settings) -> Path:
    """Where people put the LoRAs that are chosen by file name."""
    return DataFolder(settings.data_dir).loras


def make_loras(settings: Settings, root: Path, lent: Mapping[str, Path] = NONE_LENT) -> Loras:
    """The LoRAs of a folder and of the hub; ``lent`` are a shell's own files by name."""
    return Loras(LoraFolder(root, lent), may_download=settings.downloads is not False)


def make_engine(
    settings: Settings,
    offload: Path,
    loras: Loras,
    models: Catalog = BUILT_IN,
    device: Device | None = None,
    look: Callable[[], Machine] | None = None,
) -> Engine:
    """The engine that the settings name; only here is torch imported.

    ``offload`` is a folder for weights that stay on the disk. ``device`` and ``look`` are what the
    engine computes on and what it has, where that is not to be found out here.
    """
    if settings.engine == "fake":
        return FakeEngine(settings.fake_step_seconds)
    from wan_demo.engine.quiet import quiet_transformers

    quiet_transformers()
    from wan_demo.engine.pipelines.engine import PipelineEngine, usable
    from wan_demo.engine.pipelines.measure import measure

    kind = usable((device or detect(settings.device)).kind)
    look = look or partial(measure, kind, offload)
    locate, worn = make_locate(settings), loras.files.worn
    return PipelineEngine(models.find, locate, kind, look, offload, worn)
