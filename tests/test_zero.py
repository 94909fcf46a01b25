"""What is asked of ZeroGPU, and what becomes of its answers."""

from __future__ import annotations

from collections.abc import Generator

import gradio as gr
import pytest

from tests.makers import request
from wan_demo.bootstrap import zero
from wan_demo.catalog import BUILT_IN
from wan_demo.clips import ClipEvent
from wan_demo.domain.events import Acquiring, Ready, Written
from wan_demo.domain.job import Job, Made, Output, Progress
from wan_demo.engine.memory import GIB
from wan_demo.errors import GpuRefused, StorageAway
from wan_demo.fetch import Fetched
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.jobs.times import Times
from wan_demo.settings import Settings
from wan_demo.ui.attending import refusal

NOTHING: Fetched = Fetched(None)  # type: ignore[arg-type]


def asked(store: MemoryJobStore, **changes) -> int:
    job = store.add(request(**changes), "ada")
    return zero.seconds_for(Times(store, BUILT_IN), job, 0, NOTHING)


def take(store: MemoryJobStore, seconds: float) -> None:
    """A job like the others has taken so long for each of its clips."""
    store.add(request(), "ada")
    claim = store.claim("w")
    assert claim is not None
    store.report(claim, Progress(made=Made(clips=1, seconds=seconds)))
    store.complete(claim, (Output(file="a.mp4", seed=1),))


@pytest.mark.parametrize(("took", "expected"), [(1, 15), (20, 40), (1e6, 3600)])
def test_the_gpu_is_asked_for_as_long_as_such_clips_took_and_some_more(store, took, expected):
    take(store, took)
    assert asked(store) == expected
    assert asked(store, num_videos_per_prompt=4) == expected  # each clip asks for itself


def test_where_nobody_knows_it_is_a_usual_time(store):
    assert asked(store, model="wan2.1-t2v-1.3b") == zero.USUAL_SECONDS


def test_a_table_that_is_away_does_not_keep_the_gpu_away(store, monkeypatch):
    def away(*_given):
        raise StorageAway

    monkeypatch.setattr(store, "alike", away)
    assert asked(store) == zero.USUAL_SECONDS


def lent(error: Exception) -> Generator[ClipEvent, None, None]:
    def gpu(*_given) -> Generator[ClipEvent, None, None]:
        yield Ready()
        raise error

    job: Job = MemoryJobStore().add(request(), "ada")
    return zero.lent(gpu, refusal)(job, 0, NOTHING)


def test_what_zerogpu_refuses_is_told_in_its_words():
    events = lent(gr.Error("You have none left.", title="ZeroGPU quota exceeded"))
    assert [next(events), next(events)] == [Acquiring(), Ready()]
    with pytest.raises(GpuRefused, match=r"ZeroGPU quota exceeded: You have none left\."):
        next(events)


def test_other_errors_stay_what_they_are():
    with pytest.raises(ZeroDivisionError):
        list(lent(ZeroDivisionError()))


def test_closing_reaches_whoever_has_the_gpu():
    ended = []

    def gpu(*_given) -> Generator[ClipEvent, None, None]:
        try:
            yield Ready()
            yield Written("a.mp4")
        finally:
            ended.append(True)

    job: Job = MemoryJobStore().add(request(), "ada")
    events = zero.lent(gpu, refusal)(job, 0, NOTHING)
    assert [next(events), next(events)] == [Acquiring(), Ready()]
    events.close()
    assert ended == [True]


def test_the_card_is_known_before_one_is_lent(tmp_path):
    machine = zero._measure(zero.GPU, tmp_path)()
    assert (machine.device, machine.gpu_total, machine.has_fp8) == ("cuda", 48 * GIB, True)


def test_the_models_that_were_placed_are_those_that_are_offered(monkeypatch, tmp_path):
    stand_in = object()
    monkeypatch.setattr(zero, "import_module", lambda _name: stand_in)
    placed = zero.place(Settings(engine="fake", device="cpu", data_dir=tmp_path))
    assert placed.spaces is stand_in
    assert placed.models.ids == ["wan-tiny"] == list(placed.engines)
    placed = zero.place(
        Settings(engine="fake", device="cpu", data_dir=tmp_path, model="wan2.1-t2v-1.3b")
    )
    assert placed.models.ids == ["wan2.1-t2v-1.3b", "wan-tiny"] == list(placed.engines)
