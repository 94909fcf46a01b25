"""Events that also do the job which they submit."""

from __future__ import annotations

import inspect
from collections.abc import Generator

import gradio as gr

from tests.makers import request
from wan_demo.domain.job import Job
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.media.folder import DataFolder
from wan_demo.media.links import Links
from wan_demo.ui import attending
from wan_demo.ui.stage import GOES_ON, STAY, render_stage


def job() -> Job:
    return MemoryJobStore().add(request(), "ada")


def attend(job_id: str) -> Generator[None, None, None]:
    yield None
    yield None


def test_the_page_is_told_first_and_then_the_job_is_done():
    submitted = job()

    def handler(_values: dict) -> str:
        attending.tell(submitted)
        return "updates"

    run = attending.attending(handler, attend, "still")
    assert inspect.isgeneratorfunction(run)  # else Gradio would not iterate
    assert list(run({})) == ["updates", "still", "still"]
    assert list(inspect.signature(run).parameters) == ["_values"]


def test_an_event_that_submits_nothing_ends_at_once():
    assert list(attending.attending(lambda: "refused", attend, "still")()) == ["refused"]


def test_where_nobody_attends_telling_changes_nothing():
    attending.tell(job())
    assert list(attending.attending(lambda: "updates", attend, "still")()) == ["updates"]


def test_only_zerogpus_errors_are_its_words():
    assert attending.refusal(ValueError("x")) is None
    assert attending.refusal(gr.Error("No GPU was available", title="ZeroGPU client error")) == (
        "ZeroGPU client error: No GPU was available"
    )
    assert attending.refusal(gr.Error("Aborted")) == "Aborted"


def test_a_page_that_must_stay_open_says_so(folder: DataFolder):
    links = Links(folder)
    assert GOES_ON in render_stage(job(), None, links)
    shown = render_stage(job(), None, links, is_attended=True)
    assert STAY in shown
    assert GOES_ON not in shown
