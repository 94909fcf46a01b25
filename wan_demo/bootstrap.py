"""Settings to a wired application: the only place that constructs things."""

from __future__ import annotations

import logging
import os
import sys
from asyncio import CancelledError
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event as Flag
from threading import Thread

from fastapi import FastAPI
from filelock import FileLock, Timeout

from wan_demo import catalog
from wan_demo.api.app import create_app
from wan_demo.catalog import BUILT_IN, Catalog, own
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.job import Failure, Status
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.queue import Caps
from wan_demo.engine.base import Engine, Executor
from wan_demo.engine.device import Device, detect
from wan_demo.engine.fake import FakeEngine
from wan_demo.engine.inline import InlineExecutor
from wan_demo.engine.machine import Watch
from wan_demo.engine.memory import Machine, best_for
from wan_demo.engine.process import GROUP, ProcessExecutor
from wan_demo.engine.tokens import TokenCounter
from wan_demo.errors import ModelUnavailable, WanDemoError, WorkerLost
from wan_demo.hub.checkpoint import OnBytes, fetch_checkpoint, find_checkpoint, local_checkpoint
from wan_demo.hub.connection import Stopped
from wan_demo.jobs.base import JobStore
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.jobs.signs import Reaper
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.media.folder import DataFolder
from wan_demo.media.links import Links
from wan_demo.media.loras import NONE_LENT, LoraFolder
from wan_demo.media.offload import own_folder
from wan_demo.service import Loras, Service
from wan_demo.settings import Settings
from wan_demo.worker import HANG_SECONDS, Worker

log = logging.getLogger(__name__)

MAX_LOSSES = 3
FAKE_STEP_SECONDS = 0.3

CPU_HANG_SECONDS = 24 * 3600.0
"""One step of 14B at 832x480x81 is hours of work for a CPU."""

HUNG = 71
"""The exit status of a worker that ended itself as a step did not end."""


class DataFolderBusy(WanDemoError):
    """Another server uses the data folder."""

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(
            f"{folder} is in use by another server ({holder}). Stop it, or give this one a "
            "folder of its own with --data-dir."
        )


@dataclass(frozen=True)
class OneOff:
    """A service with a worker in this process: for one run from the shell."""

    service: Service
    executor: Executor


def configure_logging(settings: Settings) -> None:
    """One line a record on standard error."""
    logging.basicConfig(
        level=settings.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    for noisy in ("httpx", "alembic", "uvicorn", "PIL"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_is_no_farewell)


def _is_no_farewell(record: logging.LogRecord) -> bool:
    """False for what a stop cuts short: a page's open event stream is not an error."""
    cut_short = record.exc_info is not None and record.exc_info[0] is CancelledError
    return not cut_short and "timeout graceful shutdown" not in record.getMessage()


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


def make_server(settings: Settings) -> FastAPI:
    """The page, the API and the supervised worker, ready for uvicorn."""
    folder = DataFolder(settings.data_dir).create()
    lock = _lock(folder)
    store = SqlJobStore(connect(sqlite_url(folder.database)))
    give_back = _give_back(store)
    give_back(GROUP, True)  # with the lock held, whoever held these jobs before is gone
    _sweep(store, folder)
    device = detect(settings.device)
    models = make_catalog(settings)
    for fault in models.faults:
        log.warning(fault)
    watch = Watch(device, folder.root)
    spec, why = default_model(settings, device, watch(), models)
    loras = make_loras(settings, folder.loras)
    may_download = settings.may_download
    service = _make_service(settings, store, folder, spec, models, watch, may_download, loras)
    executor = ProcessExecutor(_worker_command(settings, folder), give_back)
    stopping = Flag()

    def give_up(worker: str, is_fault: bool) -> None:
        executor.kill(worker)
        give_back(worker, is_fault)

    def start() -> None:
        executor.start()
        reaper = Reaper(store, give_up)
        Thread(target=reaper.run, args=(stopping,), name="reaper", daemon=True).start()

    def stop() -> None:
        stopping.set()
        executor.stop()
        lock.release()

    links = Links(folder)

    checks = {"worker": executor.is_alive, "disk": folder.has_room, "database": _answers(store)}
    app = create_app(links, checks, start, stop)
    from wan_demo.ui.page import greeting, mount  # gradio takes seconds: other commands skip it
    from wan_demo.ui.share import share

    app.state.greeting, app.state.share = greeting(spec, why), share
    return mount(app, service, links, why, device.name)


def run_worker(settings: Settings, name: str, stopping: Flag, supervised: bool) -> None:
    """Work on the server's table and folder until ``stopping`` is set.

    Nobody gives back the job of a worker that no server supervises, so it does that itself: at
    its end, and at its start for one of the same name that could not.
    """
    folder = DataFolder(settings.data_dir)
    store = SqlJobStore(connect(sqlite_url(folder.database)))
    models = make_catalog(settings)
    with own_folder(folder.offload) as offload:
        loras = make_loras(settings, folder.loras)
        engine = make_engine(settings, offload, loras, models)
        patience = _patience(settings)
        worker = Worker(name, store, engine, folder, models, partial(os._exit, HUNG), patience)
        if supervised:
            return worker.run(stopping)
        give_back = _give_back(store)
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
        Worker("one-off", store, engine, folder, models).run(stopping)

    may_download = settings.downloads is not False
    service = _make_service(settings, store, folder, spec, models, watch, may_download, loras)
    return OneOff(service, InlineExecutor(work))


def _make_service(
    settings: Settings,
    store: JobStore,
    folder: DataFolder,
    spec: ModelSpec,
    models: Catalog,
    watch: Watch,
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
    )


def _folder_of(spec: ModelSpec) -> Path | None:
    files = find_checkpoint(spec.weights)
    return files.folder if files else None


def lora_folder(settings: Settings) -> Path:
    """Where people put the LoRAs that are chosen by file name."""
    return DataFolder(settings.data_dir).loras


def make_loras(settings: Settings, root: Path, lent: Mapping[str, Path] = NONE_LENT) -> Loras:
    """The LoRAs of a folder and of the hub; ``lent`` are a shell's own files by name."""
    return Loras(LoraFolder(root, lent), may_download=settings.downloads is not False)


def make_engine(
    settings: Settings, offload: Path, loras: Loras, models: Catalog = BUILT_IN
) -> Engine:
    """The engine that the settings name; only here is torch imported.

    ``offload`` is a folder for weights that stay on the disk.
    """
    if settings.engine == "fake":
        return FakeEngine(FAKE_STEP_SECONDS)
    from wan_demo.engine.quiet import quiet_transformers

    quiet_transformers()
    from wan_demo.engine.pipelines.engine import PipelineEngine, usable
    from wan_demo.engine.pipelines.measure import measure

    device = usable(detect(settings.device).kind)
    look = partial(measure, device, offload)
    locate, worn = make_locate(settings), loras.files.worn
    return PipelineEngine(models.find, locate, device, look, offload, worn)


def end_with_parent(stopping: Flag) -> None:
    """Set the flag when standard input closes: the server holds its other end."""

    stdin = sys.stdin.fileno()

    def watch() -> None:
        while os.read(stdin, 1):  # not through sys.stdin, whose lock would outlive this thread
            pass
        stopping.set()

    Thread(target=watch, daemon=True).start()


def _lock(folder: DataFolder) -> FileLock:
    """One server per data folder; the system frees the lock of a killed one at once."""
    note = folder.root / "server.txt"
    lock = FileLock(folder.root / "server.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise DataFolderBusy(folder.root, note.read_text() if note.exists() else "") from None
    note.write_text(f"process {os.getpid()}")
    return lock


def _give_back(store: JobStore) -> Callable[[str, bool], None]:
    lost = WorkerLost(MAX_LOSSES)
    failure = Failure(code=lost.code, message=str(lost))

    def give_back(worker: str, is_fault: bool) -> None:
        store.requeue(worker, MAX_LOSSES, failure, is_fault)

    return give_back


def _sweep(store: JobStore, folder: DataFolder) -> None:
    """Delete what a hard kill left, unless a worker of another process is at work on it."""
    active = store.active()
    if any(job.status is Status.RUNNING for job in active):
        return
    try:
        since = store.began() or datetime.now(UTC)
        folder.sweep(store.videos(), since, {job.id for job in active})
    except (OSError, ValueError):  # a start without it is better than none
        logging.getLogger(__name__).exception("the data folder was not swept")


def _answers(store: JobStore) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            store.waiting()
        except Exception:
            logging.getLogger(__name__).exception("the database does not answer")
            return False
        return True

    return answers


def _worker_command(settings: Settings, folder: DataFolder) -> list[str]:
    return [
        *(sys.executable, "-m", "wan_demo", "worker"),
        *("--data-dir", str(folder.root)),
        *("--device", settings.device),
        *("--engine", settings.engine),
        *("--log-level", settings.log_level),
        *(("--model", settings.model) if settings.model is not None else ()),
        *(("--hang-seconds", f"{settings.hang_seconds}") if settings.hang_seconds else ()),
        *("--supervised", "--name"),
    ]
