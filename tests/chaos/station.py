"""A data folder with its table, the people who submit and the worker: what faults happen to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil

from tests.chaos.witness import Row, Witness, rows
from wan_demo.bootstrap.server import sweep
from wan_demo.bootstrap.workers import giving_back
from wan_demo.domain.job import Status
from wan_demo.engine.process import GROUP
from wan_demo.errors import JobFinished
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.media.folder import DataFolder
from wan_demo.service import Service

ROOT = Path(__file__).resolve().parents[2]
OWNER = "somebody"
STEP_SECONDS = "0.1"
QUIET_SECONDS = 120.0
WORKER = f"{GROUP}:chaos"


class Station:
    """Starts workers as the server does, ends them as a fault does, and knows what was accepted."""

    def __init__(self, root: Path, engine: str = "fake") -> None:
        self.folder = DataFolder(root / "data").create()
        self.store = SqlJobStore(connect(sqlite_url(self.folder.database)))
        self.service = Service(self.store, self.folder, "wan-tiny", lambda spec: spec.bundled)
        self.witness = Witness(self.folder)
        self.accepted: list[str] = []
        self.refused: list[str] = []
        self._engine = engine
        self.calls = root / "calls"
        self._log = root / "log"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.witness.start()

    def close(self) -> None:
        """End what still runs."""
        self.witness.stop()
        for process in self._processes:
            self.end(process)

    @property
    def log(self) -> str:
        """What all processes wrote on their standard error."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def was_hit(self) -> bool:
        """Whether a call was spoiled in ``calls``, strace's notes: a kill leaves no other trace."""
        said = self.calls.read_text(errors="replace")
        return "INJECTED" in said or "killed by SIGKILL" in said

    # What people do

    def submit(self, random: Random, count: int = 2, **given: object) -> None:
        """Jobs through the service in this process."""
        for _ in range(count):
            job = self.service.submit({**any_request(random), **given}, OWNER)
            self.accepted.append(job.id)

    def cancel(self) -> None:
        """Stop whatever is not done yet."""
        for job_id in self.accepted:
            with suppress(JobFinished):
                self.service.cancel(job_id, OWNER)

    def submit_elsewhere(self, seed: int, count: int, under: Sequence[str]) -> int:
        """Jobs through the service of a process that a fault befalls; its exit status.

        Its lines are what its client knows: one for each answer that was given.
        """
        arguments = [str(self.folder.root), str(seed), str(count)]
        client = self.run([*under, sys.executable, "-m", "tests.chaos.client", *arguments])
        assert client.stdout is not None
        said = client.stdout.read().decode().splitlines()
        for kind, word in (line.split() for line in said):
            (self.accepted if kind == "accepted" else self.refused).append(word)
        return client.wait()

    # The worker

    def start(self, under: Sequence[str] = (), name: str = WORKER) -> subprocess.Popen[bytes]:
        """A worker process, as a server starts it."""
        command = [sys.executable, "-m", "wan_demo", "worker", "--engine", self._engine]
        options = ["--data-dir", str(self.folder.root), "--supervised", "--name", name]
        options += ["--fake-step-seconds", STEP_SECONDS]
        return self.run([*under, *command, *options])

    def run(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """A process of this round, ended with it at the latest."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "WAN_DEMO_DOWNLOADS": "false"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill -9, what it started too."""
        if process.poll() is None:
            for one in (*psutil.Process(process.pid).children(recursive=True), process):
                one.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def give_back(self, is_fault: bool = True, worker: str = WORKER) -> None:
        """What a server does once it has seen that a worker ended."""
        giving_back(self.store, self.folder)(worker, is_fault)

    # The way to the end

    def rows(self) -> dict[str, Row]:
        """The table as it is."""
        return rows(self.folder.database)

    def is_quiet(self) -> bool:
        """Whether every job has ended."""
        return all(row.status.is_final for row in self.rows().values())

    def settle(self) -> None:
        """Sound workers until every job has ended, then what the server's next start does."""
        while not self.is_quiet():
            worker = self.start()
            wait(lambda: self.is_quiet() or worker.poll() is not None)  # noqa: B023
            self.end(worker)
            self.give_back()
        self.start_over()

    def start_over(self) -> None:
        """What a server does before anything else: give back, and sweep."""
        self.give_back(worker=GROUP)
        sweep(self.store, self.folder)

    def seen(self) -> Counter[str]:
        """How the jobs ended, in words."""
        ends = Counter(_way(row) for row in self.rows().values())
        return ends + Counter(f"refused {code}" for code in self.refused)


def any_request(random: Random) -> dict[str, object]:
    """A small clip or two, or three."""
    return {
        "task": "text_to_video",
        "prompt": random.choice(["a red circle", "a blue star", "a green square"]),
        "width": 64,
        "height": 64,
        "num_frames": random.choice([9, 13]),
        "num_inference_steps": random.randint(1, 3),
        "num_videos_per_prompt": random.randint(1, 3),
        "seed": random.randrange(1000),
    }


def wait(is_so: Callable[[], bool], seconds: float = QUIET_SECONDS) -> None:
    """Until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not within {seconds:.0f} s"
        time.sleep(0.02)


def outputs_of(row: Row) -> list[str]:
    """The names of a row's videos."""
    return [output["file"] for output in json.loads(row.outputs)]


def _way(row: Row) -> str:
    """By which attempt a job ended, and whether it took over what an earlier one made."""
    if row.status is not Status.COMPLETED:
        code = json.loads(row.failure)["code"] if row.failure else ""
        return f"{row.status} {code}".strip()
    makers = {int(name.split(".")[1]) for name in outputs_of(row)}
    adopted = ", clips taken over" if min(makers) < row.attempt else ""
    return f"attempt {row.attempt}{adopted}"
