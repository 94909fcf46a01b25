"""A stand-in for the package ``spaces`` on ZeroGPU, without a GPU and without a network.

It does what matters to an app: the function runs in a fork, its arguments, what it yields and what
it raises are pickled, only exceptions' names come back, a stop is seen between two yields, a fork
that was used is used again and holds none of the server's connections, and nothing is lent before
``Blocks.launch``. What it was asked for is written to ``$STAND_IN/calls`` as lines of JSON; a file
``$STAND_IN/refuse`` makes it lend nothing, and says why.
"""

from __future__ import annotations

import inspect
import json
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator
from datetime import timedelta
from functools import partial, wraps
from pathlib import Path
from typing import Any

import gradio as gr
import psutil
from gradio.context import LocalContext

if "torch" in sys.modules:
    raise RuntimeError("CUDA has been initialized before importing the `spaces` package.")

IS_ZERO = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
FOLDER = Path(os.environ.get("STAND_IN", "."))
_fork = multiprocessing.get_context("fork")
_state = {"launched": False, "decorated": 0}
_idle: list[_Worker] = []


def GPU(task: Callable | None = None, *, duration: Any = None, size: str | None = None) -> Any:  # noqa: N802
    """The decorator; without ZeroGPU the function stays what it is."""
    if task is None:
        return partial(GPU, duration=duration, size=size)
    if not IS_ZERO:
        return task
    if inspect.iscoroutinefunction(task):
        raise NotImplementedError
    _state["decorated"] += 1
    run = _generator if inspect.isgeneratorfunction(task) else _function
    return wraps(task)(partial(run, task, duration))


def gradio_auto_wrap(task: Any) -> Any:
    """Gradio calls this for each of its events."""
    return task


def _function(task: Callable, duration: Any, *given: Any, **named: Any) -> Any:
    (answer,) = _generator(lambda *a, **k: iter([task(*a, **k)]), duration, *given, **named)
    return answer


def _generator(
    task: Callable, duration: Any, *given: Any, **named: Any
) -> Generator[Any, None, None]:
    _schedule(duration, given, named)
    worker = _idle.pop() if _idle else _Worker(task)
    worker.arguments.put((given, named))
    kind = "yield"
    try:
        while True:
            kind, value = worker.take()
            if kind == "end":
                return
            if kind == "yield":
                yield value
            elif kind == "error":
                raise gr.Error(value, title="ZeroGPU worker error", print_exception=False)
    finally:
        worker.stop.set()
        while kind == "yield":
            kind, _ = worker.take()
        worker.stop.clear()
        if kind == "end" and worker.process.is_alive():
            _idle.append(worker)


def _schedule(duration: Any, given: tuple, named: dict) -> None:
    """Who asks, and for how long."""
    seconds = duration(*given, **named) if callable(duration) else duration
    seconds = seconds.seconds if isinstance(seconds, timedelta) else seconds
    request = LocalContext.request.get(None)
    token = request.headers.get("x-ip-token") if request is not None else None
    has_request = request is not None
    _note(event="gpu", seconds=seconds, token=token, has_request=has_request)
    assert _state["launched"], "Blocks.launch was not called"
    refusal = FOLDER / "refuse"
    if refusal.exists():
        message = refusal.read_text()
        raise gr.Error(message, title="ZeroGPU quota exceeded", print_exception=False)


class _Worker:
    """A fork that runs one task after another."""

    def __init__(self, task: Callable) -> None:
        self.arguments, self.results = _fork.SimpleQueue(), _fork.SimpleQueue()
        self.stop = _fork.Event()
        blocks = LocalContext.blocks.get(None)
        port = blocks.server.config.port if blocks is not None else None
        self.process = _fork.Process(target=self._run, args=(task, port), daemon=True)
        self.process.start()
        threading.Thread(target=self._end, daemon=True).start()

    def take(self) -> tuple[str, Any]:
        return self.results.get()

    def _end(self) -> None:
        self.process.join()
        self.results.put(("error", "GPU task aborted"))

    def _run(self, task: Callable, port: int | None) -> None:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        for held in psutil.Process().net_connections("tcp"):
            if held.laddr and held.laddr.port == port:
                os.close(held.fd)  # else who is connected never learns that the server has closed
        while True:
            given, named = self.arguments.get()
            thread = threading.Thread(target=self._iterate, args=(task, given, named))
            thread.start()
            thread.join()

    def _iterate(self, task: Callable, given: tuple, named: dict) -> None:
        iterator = task(*given, **named)
        try:
            for value in iterator:
                if self.stop.is_set():
                    iterator.close()
                    break
                self.results.put(("yield", value))
        except Exception as error:
            traceback.print_exc()
            self.results.put(("error", type(error).__name__))
        else:
            self.results.put(("end", None))


def _note(**told: Any) -> None:
    with (FOLDER / "calls").open("a") as file:
        file.write(json.dumps({**told, "process": os.getpid()}) + "\n")


def _hook() -> None:
    launch = gr.Blocks.launch

    @wraps(launch)
    def launching(*given: Any, **named: Any) -> Any:
        gr.Blocks.launch = launch
        _state["launched"] = True
        _note(event="launch", decorated=_state["decorated"], torch="torch" in sys.modules)
        return launch(*given, **named)

    gr.Blocks.launch = launching


if IS_ZERO:
    _hook()
