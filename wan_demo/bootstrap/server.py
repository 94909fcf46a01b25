"""The server: the page and the API over a data folder that is its own."""

from __future__ import annotations

import logging
import os
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event as Flag
from threading import Thread

from fastapi import FastAPI
from filelock import FileLock, Timeout

from wan_demo.bootstrap.front import make_front
from wan_demo.bootstrap.metrics import Losses, add_metrics, make_metrics
from wan_demo.bootstrap.models import default_model, make_catalog, make_loras
from wan_demo.bootstrap.service import make_service
from wan_demo.bootstrap.workers import giving_back
from wan_demo.domain.job import Status
from wan_demo.engine.device import detect
from wan_demo.engine.machine import Watch, measure
from wan_demo.engine.process import GROUP, ProcessExecutor
from wan_demo.errors import WanDemoError
from wan_demo.jobs.base import JobStore
from wan_demo.jobs.signs import Reaper, Standstill
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.jobs.tally import Tally
from wan_demo.library.janitor import Janitor
from wan_demo.media.folder import DataFolder
from wan_demo.media.links import Links
from wan_demo.media.uploads import Uploads
from wan_demo.settings import Settings, have_uploads_in, upload_folder

log = logging.getLogger(__name__)

STOP_SECONDS = 4.0
"""How long a worker may go on once the server is told to stop. With what connections and Python
take it is less than the ten seconds after which Docker kills; a job cut short waits again."""


class DataFolderBusy(WanDemoError):
    """Another server uses the data folder."""

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(
            f"{folder} is in use by another server ({holder}). Stop it, or give this one a "
            "folder of its own with --data-dir."
        )


def make_server(settings: Settings) -> FastAPI:
    """The page, the API and the supervised worker, ready for uvicorn."""
    folder = DataFolder(settings.data_dir).create()
    lock = lock_folder(folder)
    store = SqlJobStore(connect(sqlite_url(folder.database)))
    give_back = giving_back(store, folder)
    give_back(GROUP, True)  # with the lock held, whoever held these jobs before is gone
    sweep(store, folder)
    uploads = make_uploads(folder)
    device = detect(settings.device)
    models = make_catalog(settings)
    for fault in models.faults:
        log.warning(fault)
    watch = Watch(device, folder.root)
    spec, why = default_model(settings, device, watch(), models)
    loras = make_loras(settings, folder.loras)
    may_download = settings.may_download
    service = make_service(settings, store, folder, spec, models, watch, may_download, loras)
    stopping = Flag()
    look = partial(measure, device, folder.root) if device.kind == "cuda" else None
    metrics = make_metrics(store, folder, look)
    tally = Tally(store, metrics.ended)
    service.on_accepted = tally.accepted
    losses = Losses(give_back, metrics)
    executor = ProcessExecutor(_worker_command(settings, folder), losses.replaced)

    def give_up(worker: str, is_fault: bool) -> None:
        executor.kill(worker)
        losses.lost(worker, is_fault)

    def start() -> None:
        executor.start()
        reaper = Reaper(store, give_up)
        janitor = Janitor(store, folder, service.library.budget, uploads=uploads)
        standstill = Standstill(store, partial(end_worker, executor))
        for keeper in (reaper, janitor, tally, standstill):
            name = type(keeper).__name__.lower()
            Thread(target=keeper.run, args=(stopping,), name=name, daemon=True).start()

    def stop() -> None:
        stopping.set()
        executor.stop(STOP_SECONDS)
        lock.release()

    links = Links(folder, service.library.is_deleted)

    checks = {"worker": executor.is_alive, "disk": folder.has_room, "database": store.is_writable}
    app = make_front(settings, service, links, checks, start, stop, uploads)
    add_metrics(app, settings, metrics)
    from wan_demo.ui.page import greeting, mount  # gradio takes seconds: other commands skip it
    from wan_demo.ui.share import share

    app.state.greeting, app.state.share = greeting(spec, why), share
    mount(app, service, links, why, device.name, settings.logins, settings.prefix)
    return app


def make_uploads(folder: DataFolder) -> Uploads:
    """The place for uploads, a data folder's own; Gradio writes them there from now on."""
    uploads = Uploads(upload_folder(), folder.root).create()
    have_uploads_in(uploads.root)
    return uploads


def end_worker(executor: ProcessExecutor) -> None:
    """End the worker at once, whatever its name; another one takes its place."""
    pid = executor.pid
    if pid is not None and executor.is_alive():
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows the one is the other


def lock_folder(folder: DataFolder) -> FileLock:
    """One server per data folder; the system frees the lock of a killed one at once."""
    note = folder.root / "server.txt"
    lock = FileLock(folder.root / "server.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise DataFolderBusy(folder.root, note.read_text() if note.exists() else "") from None
    note.write_text(f"process {os.getpid()}")
    return lock


def sweep(store: JobStore, folder: DataFolder) -> None:
    """Delete what a hard kill left, unless a worker of another process is at work on it."""
    active = store.active()
    if any(job.status is Status.RUNNING for job in active):
        return
    try:
        since = store.began() or datetime.now(UTC)
        folder.sweep(store.videos(), since, {job.id for job in active})
    except (OSError, ValueError):  # a start without it is better than none
        log.exception("the data folder was not swept")


_DOWNLOADS = {None: (), True: ("--downloads",), False: ("--no-downloads",)}


def _worker_command(settings: Settings, folder: DataFolder) -> list[str]:
    return [
        *(sys.executable, "-m", "wan_demo", "worker"),
        *("--data-dir", str(folder.root)),
        *("--device", settings.device),
        *("--engine", settings.engine),
        *("--fake-step-seconds", f"{settings.fake_step_seconds}"),
        *("--log-level", settings.log_level, "--log-format", settings.log_format),
        *_DOWNLOADS[settings.downloads],
        *(("--model", settings.model) if settings.model is not None else ()),
        *(("--safety-check", settings.safety_check) if settings.safety_check else ()),
        *(("--hang-seconds", f"{settings.hang_seconds}") if settings.hang_seconds else ()),
        *("--supervised", "--name"),
    ]
