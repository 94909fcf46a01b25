"""Figures for Prometheus over the server's parts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

from fastapi import FastAPI

from wan_demo.api.metrics import metrics_router
from wan_demo.domain.job import Job, Status
from wan_demo.engine.memory import Machine
from wan_demo.jobs.base import JobStore
from wan_demo.media.folder import DataFolder
from wan_demo.metrics import Metrics
from wan_demo.settings import Settings


class Losses:
    """Gives back what workers held, and counts it."""

    def __init__(self, give_back: Callable[[str, bool], Sequence[Job]], metrics: Metrics) -> None:
        self._give_back = give_back
        self._metrics = metrics

    def lost(self, worker: str, is_fault: bool) -> None:
        """The worker holds its jobs no longer."""
        for job in self._give_back(worker, is_fault):
            if job.status is Status.WAITING:
                self._metrics.waits_again("worker_lost" if is_fault else "stopped")

    def replaced(self, worker: str, is_fault: bool) -> None:
        """The worker has ended, and after a fault the next one takes its place."""
        self.lost(worker, is_fault)
        if is_fault:
            self._metrics.replaced()


def make_metrics(
    store: JobStore, folder: DataFolder, measure: Callable[[], Machine] | None = None
) -> Metrics:
    """The figures of this server's table and folder, and of its GPU where one is measured."""
    metrics = Metrics()
    metrics.show("wan_jobs_waiting", "Jobs that wait.", store.waiting)
    running = "Jobs that a worker holds."
    metrics.show("wan_jobs_running", running, lambda: len(store.open()) - store.waiting())
    free = "Bytes that are free where the data folder is."
    metrics.show("wan_storage_free_bytes", free, lambda: shutil.disk_usage(folder.root).free)
    used = "Bytes in use on the GPU; 0 where there is none."
    metrics.show("wan_gpu_memory_bytes", used, lambda: _used(measure()) if measure else 0)
    return metrics


def _used(machine: Machine) -> int:
    return machine.gpu_total - machine.gpu_free


def add_metrics(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    """``/metrics``, for those whom the settings name."""
    if settings.metrics_for != "nobody":
        app.include_router(metrics_router(metrics.render, settings.metrics_for == "all"))
