from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from tests.makers import request
from wan_demo.api.metrics import metrics_router
from wan_demo.bootstrap.metrics import Losses, make_metrics
from wan_demo.domain.job import Failure, Made, Progress
from wan_demo.engine.memory import GIB, plenty
from wan_demo.jobs.tally import Tally
from wan_demo.metrics import Metrics
from wan_demo.settings import Settings

NAMES = {
    *("wan_jobs_running", "wan_jobs_waiting", "wan_jobs_total", "wan_job_queue_seconds_count"),
    *("wan_job_run_seconds_count", "wan_step_seconds_count", "wan_model_load_seconds_count"),
    *("wan_job_retries_total", "wan_worker_restarts_total", "wan_storage_free_bytes"),
    "wan_gpu_memory_bytes",
}
PARTS = ("_bucket", "_sum")
MADE = Progress(preparing_seconds=7, made=Made(clips=1, seconds=9, step_seconds=2))


def read(text: str) -> Sequence[Any]:
    """Every sample, by the library's own parser."""
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def values(metrics: Metrics) -> dict[str, float]:
    samples = read(metrics.render().decode())
    return {sample.name: sample.value for sample in samples if not sample.labels}


@pytest.fixture
def metrics(store, folder) -> Metrics:
    return make_metrics(store, folder)


@pytest.fixture
def tally(store, metrics: Metrics) -> Tally:
    return Tally(store, metrics.ended)


def run(store, tally: Tally, prompt: str = "a secret fox", end: str = "complete") -> None:
    tally.accepted(store.add(request(prompt=prompt), "ada"))
    claim = store.claim("w")
    store.report(claim, MADE)
    given = {"complete": ((),), "fail": (Failure(code="x", message="y"),), "cancelled": ()}[end]
    getattr(store, end)(claim, *given)


def test_each_end_is_counted_once_and_told_under_its_names(store, metrics, tally):
    for end in ("complete", "complete", "fail", "cancelled"):
        run(store, tally, end=end)
        tally.look()
        tally.look()
    tally.accepted(store.add(request(), "ada"))
    metrics.waits_again("worker_lost")
    metrics.replaced()
    samples = read(metrics.render().decode())
    assert {sample.name for sample in samples if not sample.name.endswith(PARTS)} == NAMES
    ended = {s.labels["outcome"]: s.value for s in samples if s.name == "wan_jobs_total"}
    assert ended == {"completed": 2, "failed": 1, "cancelled": 1}
    told = values(metrics)
    assert (told["wan_jobs_waiting"], told["wan_jobs_running"]) == (1, 0)
    assert (told["wan_step_seconds_count"], told["wan_step_seconds_sum"]) == (4, 8)
    assert told["wan_model_load_seconds_sum"] == 28
    assert told["wan_job_run_seconds_count"] == 4
    assert told["wan_worker_restarts_total"] == 1
    assert told["wan_storage_free_bytes"] > 0


def test_what_lost_workers_held_is_counted_once_it_waits_again(store, metrics):
    job = store.add(request(), "ada")
    losses = Losses(lambda _worker, _is_fault: [job], metrics)
    losses.replaced("server:1", True)
    losses.lost("server:2", True)
    losses.replaced("server:3", False)  # told to stop
    samples = read(metrics.render().decode())
    again = {s.labels["reason"]: s.value for s in samples if s.name == "wan_job_retries_total"}
    assert again == {"worker_lost": 2, "stopped": 1}
    assert values(metrics)["wan_worker_restarts_total"] == 1


def test_no_label_tells_of_a_person_a_prompt_or_a_job(store, metrics, tally):
    run(store, tally)
    tally.look()
    text = metrics.render().decode()
    labels = {name for sample in read(text) for name in sample.labels}
    assert labels <= {"outcome", "task", "model", "reason", "le"}
    for private in ("secret", "ada", *(job.id for job in store.list("ada"))):
        assert private not in text


def test_a_job_that_came_and_went_between_two_looks_is_counted(store, metrics, tally):
    for _ in range(5):
        run(store, tally)
    tally.look()
    assert values(metrics)["wan_job_run_seconds_count"] == 5


def test_jobs_that_are_deleted_later_stay_counted(store, metrics, tally):
    run(store, tally)
    tally.look()
    before = values(metrics)["wan_job_run_seconds_count"]
    store._jobs.clear()
    tally.look()
    assert values(metrics)["wan_job_run_seconds_count"] == before == 1


def test_jobs_from_before_the_start_are_counted_when_they_end(store, metrics):
    store.add(request(), "ada")
    tally = Tally(store, metrics.ended)
    tally.look()
    store.complete(store.claim("w"), ())
    tally.look()
    assert values(metrics)["wan_job_run_seconds_count"] == 1


def test_a_table_that_is_away_leaves_the_other_figures(metrics, store, monkeypatch):
    def away() -> int:
        raise OSError

    monkeypatch.setattr(store, "waiting", away)
    metrics = Metrics()
    metrics.show("wan_jobs_waiting", "Jobs that wait.", away)
    told = values(metrics)
    assert isnan(told["wan_jobs_waiting"])
    assert told["wan_worker_restarts_total"] == 0


@pytest.mark.parametrize(
    ("host", "for_all", "status"),
    [
        ("127.0.0.1", False, 200),
        ("::1", False, 200),
        ("10.0.0.7", False, 404),
        ("testclient", False, 404),
        ("10.0.0.7", True, 200),
    ],
)
def test_others_than_this_machine_read_it_only_where_told(host: str, for_all: bool, status: int):
    app = FastAPI()
    app.include_router(metrics_router(Metrics().render, for_all))
    answer = TestClient(app, client=(host, 1)).get("/metrics")
    assert answer.status_code == status
    assert ("wan_worker_restarts_total" in answer.text) == (status == 200)


def test_a_public_address_of_gradios_hides_it():
    assert Settings().metrics_for == "here"
    assert Settings(share=True).metrics_for == "nobody"
    assert Settings(share=True, metrics=True).metrics_for == "all"
    assert Settings(metrics=False).metrics_for == "nobody"


def test_a_gpus_memory_is_told_and_none_where_there_is_no_gpu(store, folder):
    assert values(make_metrics(store, folder))["wan_gpu_memory_bytes"] == 0
    gpu = replace(plenty("cuda"), gpu_total=24 * GIB, gpu_free=9 * GIB)
    told = values(make_metrics(store, folder, lambda: gpu))
    assert told["wan_gpu_memory_bytes"] == 15 * GIB
