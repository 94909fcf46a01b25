"""Fixtures for everything: a data folder, a store, a service and a worker with the fake engine."""

from __future__ import annotations

import gc
import os
from typing import Any

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

SHARES_CORES = "PYTEST_XDIST_WORKER" in os.environ
if SHARES_CORES:  # torch, here and in what tests start, would take all cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

BROWSERS = "tests/e2e"


def pytest_addoption(parser: pytest.Parser) -> None:
    """For ``tests/chaos``: how many rounds, and the first one's seed."""
    group = parser.getgroup("chaos")
    group.addoption("--rounds", type=int, help="Rounds of chaos; one of each fault by default.")
    group.addoption("--seed", type=int, default=0, help="The first round's seed.")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file's tests go to one process, so that it makes its fixtures once.

    Those with a server and a browser go to one together: two at a time would wait for each other.
    """
    from xdist.scheduler import LoadFileScheduling  # pyright: ignore[reportMissingImports]

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith("tests/chaos/"):
                return nodeid  # rounds share nothing
            return BROWSERS if nodeid.startswith(f"{BROWSERS}/") else super()._split_scope(nodeid)

    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest of what one process does alone comes first, so that none is idle at the end."""
    if SHARES_CORES:
        items.sort(key=lambda item: not item.nodeid.startswith(f"{BROWSERS}/"))


def pytest_collection_finish() -> None:
    """What the imports made stays: the collector need not look at it in each of its runs.

    The engine collects for every clip, which took a fifth of a small one's time.
    """
    gc.collect()
    gc.freeze()


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
