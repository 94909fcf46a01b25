"""What every executor does, wherever its workers run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event as Flag

import pytest

from tests.makers import until
from wan_demo.engine.base import Executor
from wan_demo.engine.inline import InlineExecutor
from wan_demo.engine.process import ProcessExecutor

_WORK = """
import pathlib, sys
pathlib.Path(sys.argv[1]).touch()
sys.stdin.read()
"""


def _inline(mark: Path) -> Executor:
    def work(stopping: Flag) -> None:
        mark.touch()
        stopping.wait()

    return InlineExecutor(work)


def _process(mark: Path) -> Executor:
    return ProcessExecutor([sys.executable, "-c", _WORK, str(mark)], lambda *_: None)


@pytest.fixture
def mark(tmp_path) -> Path:
    """The file that a worker makes once it works."""
    return tmp_path / "mark"


@pytest.fixture(params=[_inline, _process], ids=["inline", "process"])
def executor(request: pytest.FixtureRequest, mark: Path) -> Iterator[Executor]:
    make: Callable[[Path], Executor] = request.param
    made = make(mark)
    yield made
    made.stop(10)


def test_nothing_runs_before_the_start(executor: Executor, mark: Path):
    assert not executor.is_alive()
    assert not mark.exists()


def test_a_started_worker_works(executor: Executor, mark: Path):
    executor.start()
    until(mark.exists)
    assert executor.is_alive()


def test_stop_ends_the_worker(executor: Executor, mark: Path):
    executor.start()
    until(mark.exists)
    executor.stop(10)
    assert not executor.is_alive()


def test_stop_right_after_the_start_ends_it_too(executor: Executor):
    executor.start()
    executor.stop(10)
    until(lambda: not executor.is_alive())


def test_stop_is_harmless_twice_and_before_a_start(executor: Executor):
    executor.stop(1)
    executor.stop(1)
    assert not executor.is_alive()
