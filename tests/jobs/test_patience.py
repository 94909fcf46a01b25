from __future__ import annotations

from threading import Event as Flag

import pytest

from wan_demo.errors import GenerationFailed, StorageAway, StorageFull
from wan_demo.jobs import patience
from wan_demo.jobs.patience import patiently


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch) -> None:
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0)


def _failing(*errors: Exception):
    """A call that raises one after another, and then returns how many it raised."""
    left = list(errors)

    def call() -> int:
        if left:
            raise left.pop(0)
        return len(errors)

    return call


def test_what_passes_is_waited_for():
    call = _failing(StorageAway(), StorageFull(), StorageAway())
    assert patiently(call, Flag()) == 3


def test_anything_else_is_raised_at_once():
    with pytest.raises(GenerationFailed):
        patiently(_failing(GenerationFailed("broken")), Flag())


def test_patience_ends():
    with pytest.raises(StorageAway):
        patiently(_failing(*[StorageAway()] * 100), Flag(), seconds=-1)


def test_who_is_told_to_stop_waits_no_longer():
    stopping = Flag()
    stopping.set()
    with pytest.raises(StorageAway):
        patiently(_failing(StorageAway()), stopping)


def test_what_may_pass_is_for_the_caller_to_say():
    call = _failing(OSError("away"))
    assert patiently(call, Flag(), lambda error: isinstance(error, OSError)) == 1
