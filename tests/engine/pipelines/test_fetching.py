"""A run that waits for a download can be stopped, whether bytes come or not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.contract.test_engine import REQUESTS
from wan_demo import catalog
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Downloading, Planned
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.engine.base import Inputs
from wan_demo.engine.pipelines import fetching
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.errors import DownloadStopped, ModelUnavailable

PATIENCE = 30.0
"""Seconds until a hub that is gone is given up."""


@pytest.mark.parametrize("here", [None, (5, 9)])
def test_a_hub_that_is_silent_is_heard_of(monkeypatch, here):
    monkeypatch.setattr(fetching, "SILENCE_SECONDS", 0.01)
    stops = []

    def locate(
        _spec: ModelSpec, on_bytes: Callable[[int, int], None], stopped: Callable[[], bool]
    ) -> Checkpoint:
        if here is not None:
            on_bytes(*here)
        end = time.monotonic() + PATIENCE
        while not stopped():
            if time.monotonic() > end:
                raise ModelUnavailable("The hub is gone.")
            time.sleep(0.001)
        stops.append(True)
        raise DownloadStopped

    run = PipelineEngine(catalog.find, locate, "cpu").generate(
        REQUESTS[Task.TEXT_TO_VIDEO], Inputs()
    )
    heard = [next(run) for _ in range(4)]
    assert isinstance(heard[0], Planned)
    assert heard[1:] == [Downloading(*(here or (0, 0)))] * 3
    run.close()
    assert len(stops) <= 1  # it ended by its own look, or by what it had to tell
