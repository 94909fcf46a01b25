"""A Space on ZeroGPU: a GPU is lent to an event of the page, for as long as the event says.

ZeroGPU hooks two things: what is put on "cuda" before the page is launched, which it keeps for the
processes that get a GPU, and ``Blocks.launch``. So the weights are placed while ``app.py`` is
imported, Gradio serves the page, and each event does its own job (``wan_demo.attended``): the
request goes to a fork of this process that has the GPU, events come back, and the clip is written
there. Everything else is as everywhere.
"""

from __future__ import annotations

import logging
import math
import os
import signal
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

from fastapi import FastAPI

from wan_demo.attended import Attendant, end_unattended
from wan_demo.bootstrap.front import make_front
from wan_demo.bootstrap.models import default_model, make_catalog, make_engine, make_loras
from wan_demo.bootstrap.safety import make_safety
from wan_demo.bootstrap.server import lock_folder, make_uploads, sweep
from wan_demo.bootstrap.service import make_service
from wan_demo.bootstrap.workers import giving_back
from wan_demo.catalog import BUNDLED, Catalog
from wan_demo.clips import ClipEvent, Elsewhere, clip_events
from wan_demo.domain.events import Acquiring, Ready
from wan_demo.domain.job import Job
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.safety import UNCHECKED, Safety
from wan_demo.engine.base import Engine
from wan_demo.engine.device import Device, detect
from wan_demo.engine.machine import Watch
from wan_demo.engine.memory import GIB, Machine
from wan_demo.errors import GpuRefused, StorageAway
from wan_demo.fetch import Fetched
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.jobs.times import Times
from wan_demo.library.janitor import Janitor
from wan_demo.media.folder import DataFolder
from wan_demo.media.links import Links
from wan_demo.settings import Settings
from wan_demo.worker import Worker

log = logging.getLogger(__name__)

NAME = "zerogpu"
"""Of the one worker, which is all events together."""

GPU = Device("cuda", "ZeroGPU", 48 * GIB)
"""What ZeroGPU lends by its size ``large``: half of an RTX Pro 6000 Blackwell. No card can be asked
before one is lent."""

CONTEXT = GIB
"""Of its memory, what the process there takes for itself, about."""

USUAL_SECONDS = 120
"""To ask for where nobody knows how long a clip takes."""

LEAST_SECONDS, MOST_SECONDS = 15, 3600
SPARE = 1.5
"""How many times its estimate is asked for: ZeroGPU ends what takes longer than it was said to."""

START_SECONDS = 10
"""Until the weights are on the GPU."""


@dataclass(frozen=True)
class Placed:
    """What is in place before the page is built: ``spaces``, the models and their engines."""

    spaces: Any
    models: Catalog
    spec: ModelSpec
    why: str
    device: Device
    measure: Callable[[], Machine]
    engines: Mapping[str, Engine]


def place(settings: Settings) -> Placed:
    """Load the model to start with, and the bundled one, as ZeroGPU is to keep them.

    Called where ``app.py`` is imported, by the main thread: ``spaces`` has to be imported before
    torch. Other models are not offered, as each fork would have to load them anew.
    """
    spaces = import_module("spaces")
    device = GPU if settings.device in ("auto", "cuda") else detect(settings.device)
    measure = _measure(device, settings.data_dir)
    models = make_catalog(settings)
    for fault in models.faults:
        log.warning(fault)
    spec, why = default_model(settings, device, measure(), models)
    offered = Catalog((spec,) if spec is BUNDLED else (spec, BUNDLED), models.faults)
    folder = DataFolder(settings.data_dir)
    loras, engines = make_loras(settings, folder.loras), {}
    for each in offered.models:
        engine = make_engine(settings, folder.offload, loras, offered, device, measure)
        engine.place(each.id)
        engines[each.id] = engine
    return Placed(spaces, offered, spec, why, device, measure, engines)


@cache
def placed() -> Placed:
    """``place`` by the settings of the environment, once in this process."""
    return place(Settings())


def _measure(device: Device, folder: Path) -> Callable[[], Machine]:
    """What there is, by the card's known size: the same before and after it is lent."""
    if device is not GPU:
        return Watch(device, _existing(folder))
    watch = Watch(Device("cpu", "CPU"), _existing(folder))
    figures = {"gpu_total": GPU.memory, "gpu_free": GPU.memory - CONTEXT}
    kinds: dict[str, Any] = {"device": "cuda", "has_bf16": True, "has_fp8": True}
    return lambda: replace(watch(), **figures, **kinds)


def _existing(folder: Path) -> Path:
    return folder if folder.is_dir() else Path.cwd()


def serve_zero(settings: Settings, placed: Placed, tell: Callable[[str], None]) -> None:
    """The page, until this process is told to stop; ``tell`` gets what is to be said of it."""
    from wan_demo.ui import attending, page

    stopping = Flag()
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, lambda *_: stopping.set())
    folder = DataFolder(settings.data_dir).create()
    lock = lock_folder(folder)
    store = _open_store(folder)
    uploads = make_uploads(folder)
    service = make_service(
        settings,
        store,
        folder,
        placed.spec,
        placed.models,
        placed.measure,
        may_download=False,
        loras=make_loras(settings, folder.loras),
    )
    safety = make_safety(settings)
    gpu = _decorated(placed, folder, Times(store, placed.models), safety)
    worker = Worker(
        NAME,
        store,
        placed.engines[placed.spec.id],
        folder,
        placed.models,
        elsewhere=lent(gpu, attending.refusal),
        notice=attending.PROMISE,
        safety=safety,
    )
    links = Links(folder, service.library.is_deleted)
    janitor = Janitor(store, folder, service.library.budget, uploads=uploads)
    run = partial(Thread, target=janitor.run, args=(stopping,), name="janitor", daemon=True)
    checks = {"disk": folder.has_room, "database": store.is_writable}
    app = make_front(
        settings,
        service,
        links,
        checks,
        start=lambda: run().start(),
        stop=stopping.set,
        uploads=uploads,
    )
    built = page.build_page(
        service,
        links,
        placed.why,
        placed.device.name,
        bool(settings.logins),
        Attendant(store, worker).attend,
    )
    parts = as_parts(app)
    address = page.launch(built, service, parts, settings.host, settings.port, settings.logins)
    tell(f"Wan Demo: {address}  ({page.greeting(placed.spec, placed.why)})")
    stopping.wait()
    built.close(verbose=False)
    lock.release()


def _open_store(folder: DataFolder) -> SqlJobStore:
    """The table, without jobs that nobody waits for: all who did went with the last server."""
    store = SqlJobStore(connect(sqlite_url(folder.database)))
    giving_back(store, folder)(NAME, False)
    end_unattended(store, folder.clips_of, NAME)
    sweep(store, folder)
    return store


def _decorated(
    placed: Placed, folder: DataFolder, times: Times, safety: Safety = UNCHECKED
) -> Elsewhere:
    """What runs where the GPU is: a generator, since a stop is only seen between two yields."""

    def make(job: Job, index: int, media: Fetched) -> Generator[ClipEvent, None, None]:
        yield Ready()
        engine = placed.engines[job.request.model]
        try:
            yield from clip_events(engine, folder, job, index, media, safety)
        except SystemExit as end:  # the device failed: no later call in this process would work
            os._exit(int(end.code or 1))

    return placed.spaces.GPU(duration=partial(seconds_for, times))(make)


def seconds_for(times: Times, job: Job, index: int, _media: Fetched) -> int:
    """How long the GPU is asked for: the page's own estimate for one clip, and some more."""
    try:
        expected = times.of(job.request.single(index))
    except StorageAway:
        expected = None
    if expected is None:
        return USUAL_SECONDS
    return min(MOST_SECONDS, max(LEAST_SECONDS, math.ceil(START_SECONDS + SPARE * expected)))


def lent(gpu: Elsewhere, refusal: Callable[[Exception], str | None]) -> Elsewhere:
    """``gpu`` as the worker takes it: the wait for a GPU is told, and a refusal in words.

    ``refusal`` tells ZeroGPU's errors from all others.
    """

    def elsewhere(job: Job, index: int, media: Fetched) -> Generator[ClipEvent, None, None]:
        yield Acquiring()
        try:
            with closing(gpu(job, index, media)) as events:
                yield from events
        except Exception as error:
            sentence = refusal(error)
            if sentence is None:
                raise
            raise GpuRefused(sentence) from error

    return elsewhere


def as_parts(app: FastAPI) -> dict[str, Any]:
    """What makes Gradio's application ours too: it builds its own, and takes no finished one."""
    return {
        "routes": app.router.routes,
        "middleware": app.user_middleware,
        "exception_handlers": app.exception_handlers,
        "lifespan": app.router.lifespan_context,
        "openapi_url": None,
    }
