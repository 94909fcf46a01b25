"""Workers: one that shares the server's table, and one for a single run from the shell."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event as Flag
from threading import Thread

from wan_demo.bootstrap.models import (
    default_model,
    lora_folder,
    make_catalog,
    make_engine,
    make_loras,
)
from wan_demo.bootstrap.safety import make_safety
from wan_demo.bootstrap.service import make_service
from wan_demo.domain.job import Failure, Job
from wan_demo.engine.base import Executor
from wan_demo.engine.device import detect
from wan_demo.engine.inline import InlineExecutor
from wan_demo.engine.machine import Watch
from wan_demo.errors import WorkerLost
from wan_demo.jobs.base import JobStore
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.media.folder import DataFolder
from wan_demo.media.loras import NONE_LENT
from wan_demo.media.offload import own_folder
from wan_demo.service import Service
from wan_demo.settings import Settings
from wan_demo.worker import HANG_SECONDS, Worker

MAX_LOSSES = 3

CPU_HANG_SECONDS = 24 * 3600.0
"""One step of 14B at 832x480x81 is hours of work for a CPU."""

HUNG = 71
"""The exit status of a worker that ended itself as a step did not end."""


@dataclass(frozen=True)
class OneOff:
    """A service with a worker in this process: for one run from the shell."""

    service: Service
    executor: Executor


def run_worker(settings: Settings, name: str, stopping: Flag, supervised: bool) -> None:
    """Work on the server's table and folder until ``stopping`` is set.

    Nobody gives back the job of a worker that no server supervises, so it does that itself: at
    its end, and at its start for one of the same name that could not.
    """
    folder = DataFolder(settings.data_dir)
    store = SqlJobStore(connect(sqlite_url(folder.database), may_create=False))
    give_back = giving_back(store, folder)
    models = make_catalog(settings)
    with own_folder(folder.offload) as offload:
        loras = make_loras(settings, folder.loras)
        engine = make_engine(settings, offload, loras, models)
        end_hung, patience = partial(os._exit, HUNG), _patience(settings)
        safety = make_safety(settings)
        worker = Worker(
            name, store, engine, folder, models, end_hung, patience, give_back, safety=safety
        )
        if supervised:
            return worker.run(stopping)
        give_back(name, True)
        try:
            worker.run(stopping)
        finally:
            give_back(name, not stopping.is_set())


def _patience(settings: Settings) -> float:
    """Seconds without progress after which a worker ends itself."""
    on_cpu = settings.engine != "fake" and detect(settings.device).kind == "cpu"
    return settings.hang_seconds or (CPU_HANG_SECONDS if on_cpu else HANG_SECONDS)


def make_one_off(
    settings: Settings, folder: DataFolder, lent: Mapping[str, Path] = NONE_LENT
) -> OneOff:
    """A service and a worker in this process, over a queue of their own.

    LoRAs are those of the settings' data folder, and the files of ``lent`` by name.
    """
    store = MemoryJobStore()
    loras = make_loras(settings, lora_folder(settings), lent)
    models = make_catalog(settings)
    device = detect(settings.device)
    watch = Watch(device, folder.root)
    spec, _ = default_model(settings, device, watch(), models)

    def work(stopping: Flag) -> None:  # the engine takes seconds to import: only once it is needed
        engine = make_engine(settings, folder.offload, loras, models)
        safety = make_safety(settings)
        Worker("one-off", store, engine, folder, models, safety=safety).run(stopping)

    may_download = settings.downloads is not False
    service = make_service(settings, store, folder, spec, models, watch, may_download, loras)
    return OneOff(service, InlineExecutor(work))


def end_with_parent(stopping: Flag) -> None:
    """Set the flag when standard input closes: the server holds its other end."""

    stdin = sys.stdin.fileno()

    def watch() -> None:
        while os.read(stdin, 1):  # not through sys.stdin, whose lock would outlive this thread
            pass
        stopping.set()

    Thread(target=watch, daemon=True).start()


def giving_back(store: JobStore, folder: DataFolder) -> Callable[[str, bool], Sequence[Job]]:
    """What gives a lost worker's jobs back, by its name and whether that was a fault."""
    lost = WorkerLost(MAX_LOSSES)
    failure = Failure(code=lost.code, message=str(lost))

    def give_back(worker: str, is_fault: bool) -> Sequence[Job]:
        return store.requeue(worker, MAX_LOSSES, failure, is_fault, folder.clips_of)

    return give_back
