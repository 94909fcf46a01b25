"""The service over its parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from wan_demo.bootstrap.models import is_available
from wan_demo.bootstrap.safety import make_safety
from wan_demo.catalog import Catalog
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.queue import Caps
from wan_demo.domain.rates import Rates
from wan_demo.engine.memory import Machine
from wan_demo.engine.tokens import TokenCounter
from wan_demo.hub.checkpoint import find_checkpoint
from wan_demo.jobs.base import JobStore
from wan_demo.library.clips import Library
from wan_demo.media.folder import DataFolder
from wan_demo.service import Loras, Service
from wan_demo.settings import Settings


def make_service(
    settings: Settings,
    store: JobStore,
    folder: DataFolder,
    spec: ModelSpec,
    models: Catalog,
    watch: Callable[[], Machine],
    may_download: bool,
    loras: Loras,
) -> Service:
    """The fake engine holds no model, so nothing has to fit."""
    return Service(
        store,
        folder,
        spec.id,
        is_available,
        caps=Caps(settings.max_waiting, settings.max_waiting_each),
        may_download=may_download,
        count_tokens=TokenCounter(_folder_of),
        measure=watch if settings.engine != "fake" else None,
        models=models,
        loras=loras,
        library=Library(store, folder, _max_bytes(settings)),
        safety=make_safety(settings),
        rates=Rates(settings.max_jobs_per_minute / 60, settings.max_jobs_per_minute),
    )


def _max_bytes(settings: Settings) -> float | None:
    return None if settings.max_disk_gb is None else settings.max_disk_gb * 1e9


def _folder_of(spec: ModelSpec) -> Path | None:
    files = find_checkpoint(spec.weights)
    return files.folder if files else None
