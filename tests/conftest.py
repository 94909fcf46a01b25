"""Fixtures for everything: a data folder, a store, a service and a worker with the fake engine."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from wan_demo.domain.model import ModelSpec
from wan_demo.domain.queue import Caps
from wan_demo.engine import machine
from wan_demo.engine.fake import FakeEngine
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.media.folder import DataFolder
from wan_demo.media.links import Links
from wan_demo.service import Service
from wan_demo.worker import Worker

# No deadline, since the machine may be busy; the same examples each time, so that a failure is
# the change's own; no folder of examples in the working tree.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """No setting of the person who runs the tests, and no ``.env`` of theirs, gets in."""
    for name in list(os.environ):
        if name.startswith("WAN_DEMO_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path) -> DataFolder:
    return DataFolder(tmp_path / "data").create()


@pytest.fixture
def plenty_of_memory(monkeypatch) -> None:
    """Room for any model: a replica is small, but what it needs is reckoned from its spec."""
    monkeypatch.setattr(machine, "ram", lambda: machine.Ram(total=2**50, free=2**50))
    monkeypatch.setattr(machine, "disk", lambda _: 2**50)


@pytest.fixture
def links(folder: DataFolder) -> Links:
    return Links(folder)


@pytest.fixture
def store() -> MemoryJobStore:
    return MemoryJobStore()


@pytest.fixture
def service(store: MemoryJobStore, folder: DataFolder) -> Service:
    return Service(store, folder, "wan-tiny", _is_bundled, caps=Caps(3, 20), may_download=False)


@pytest.fixture
def worker(store: MemoryJobStore, folder: DataFolder) -> Worker:
    return Worker("test", store, FakeEngine(), folder)


def _is_bundled(spec: ModelSpec) -> bool:
    return spec.bundled
