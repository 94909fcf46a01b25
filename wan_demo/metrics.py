"""Figures for Prometheus. They tell of the app, and never of a person, a prompt or a job."""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import nan

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from wan_demo.domain.job import Job

log = logging.getLogger(__name__)

_LONG = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
_STEP = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Metrics:
    """One server's figures, in a registry of their own; counters begin at 0 with each server."""

    def __init__(self) -> None:
        disable_created_metrics()  # a second series beside each, which nobody was told of
        self.registry = CollectorRegistry()
        kinds = ["outcome", "task", "model"]
        self._jobs = self._counter("wan_jobs", "Jobs that have ended.", kinds)
        self._retries = self._counter("wan_job_retries", "Jobs that wait again.", ["reason"])
        self._restarts = self._counter("wan_worker_restarts", "Workers that were replaced.")
        self._queued = self._histogram("wan_job_queue_seconds", "From accepted to taken.", _LONG)
        self._ran = self._histogram("wan_job_run_seconds", "From taken to ended.", _LONG)
        self._loaded = self._histogram("wan_model_load_seconds", "Fetching and loading.", _LONG)
        self._stepped = self._histogram("wan_step_seconds", "One step, a job's mean.", _STEP)

    def show(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A figure that is asked for whenever somebody looks; NaN where there is no answer."""

        def ask() -> float:
            try:
                return value()
            except Exception:
                log.warning("%s is not known", name, exc_info=True)
                return nan

        Gauge(name, text, registry=self.registry).set_function(ask)

    def ended(self, job: Job) -> None:
        """A job has reached its end."""
        request, progress = job.request, job.progress
        self._jobs.labels(job.status.value, request.task.value, request.model).inc()
        if job.started_at is not None and job.finished_at is not None:
            self._queued.observe(max(0.0, (job.started_at - job.created_at).total_seconds()))
            self._ran.observe(max(0.0, (job.finished_at - job.started_at).total_seconds()))
        if progress.preparing_seconds:
            self._loaded.observe(progress.preparing_seconds)
        if progress.made.step_seconds:
            self._stepped.observe(progress.made.step_seconds)

    def waits_again(self, reason: str) -> None:
        """A job was given back."""
        self._retries.labels(reason).inc()

    def replaced(self) -> None:
        """A worker ended though nobody had asked it to."""
        self._restarts.inc()

    def render(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, labels: list[str] | None = None) -> Counter:
        return Counter(name, text, labels or (), registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, buckets=buckets, registry=self.registry)
