"""The real server of a station's data folder, called over HTTP and ended as faults end it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from random import Random

import httpx
import psutil

from tests.chaos.station import STEP_SECONDS, Station, any_request, wait

START_SECONDS = 120.0
GRACE_SECONDS = 30.0
"""What a service manager gives at least, before it kills."""


class Server:
    """``python app.py`` on a free port, its worker beside it."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self.process = self._start()
        self.address = self._address()
        wait(self.is_ready, START_SECONDS)

    def _start(self) -> subprocess.Popen[bytes]:
        options = ["--port", "0", "--engine", "fake", "--fake-step-seconds", STEP_SECONDS]
        folder = ["--data-dir", str(self._station.folder.root)]
        return self._station.run([sys.executable, "app.py", *options, *folder])

    def _address(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"http://[\w.]+:\d+", line.decode()):
                return found[0]
        raise AssertionError("the server did not start")

    def is_ready(self) -> bool:
        """What ``/health/ready`` says."""
        try:
            return httpx.get(f"{self.address}/health/ready", timeout=60).status_code == 200
        except httpx.TransportError:
            return False

    def call(self, random: Random, count: int = 4, **wanted: object) -> None:
        """Jobs by the endpoint, whose answers nobody waits for: a client that vanishes."""
        before = len(self._station.rows())
        for _ in range(count):
            given = {**any_request(random), **wanted}
            del given["task"]
            route = f"{self.address}/gradio_api/call/v2/text_to_video"
            httpx.post(route, json=given, timeout=60).raise_for_status()
        wait(lambda: len(self._station.rows()) == before + count)
        self._station.accepted = list(self._station.rows())

    def worker(self) -> psutil.Process:
        """The worker that runs now."""
        found: list[psutil.Process] = []

        def look() -> bool:
            children = psutil.Process(self.process.pid).children()
            found[:] = [child for child in children if "worker" in child.cmdline()]
            return bool(found)

        wait(look)
        return found[0]

    def kill(self) -> list[psutil.Process]:
        """Kill -9, of the server alone; what it had started is returned."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        return children

    def stop(self) -> None:
        """SIGTERM: it ends in time, and its worker with it."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        self.process.wait(GRACE_SECONDS)
        expect_gone(children, GRACE_SECONDS - (time.monotonic() - began))


def expect_gone(processes: list[psutil.Process], seconds: float = GRACE_SECONDS) -> None:
    """No orphan goes on: it would hold the GPU."""
    _, alive = psutil.wait_procs(processes, seconds)
    assert not alive, f"still there: {[process.pid for process in alive]}"
