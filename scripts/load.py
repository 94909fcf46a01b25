"""The app under load: ``python -m scripts.load [--people 200] [--calls 5] [--engine fake]``.

Starts a server, has so many people call an endpoint so often all at once, keeps a page open
beside them, and prints what became of it. Needs ``pip install -r requirements-dev.txt``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.e2e.conftest import running_server
from tests.load import memory
from tests.load.crowd import Answers, Call, crowd
from tests.load.order import most_open, most_overtaken
from tests.load.table import every_job, spans, turns
from wan_demo.domain.job import Job, Status
from wan_demo.media.folder import DataFolder

WARM_JOBS = 100
"""Memory is looked at from here on: by then everything is imported and every cache is in use."""


def main() -> None:
    """Run it once and print the table."""
    options = _options()
    with tempfile.TemporaryDirectory() as place:
        folder = DataFolder(Path(place) / "data")
        settings = [
            *("--engine", options.engine, "--fake-step-seconds", str(options.step_seconds)),
            *("--max-waiting", str(options.max_waiting)),
        ]
        with running_server(Path(place), *settings) as address:
            began = time.monotonic()
            ran = asyncio.run(_run(address, folder, options.people, options.calls))
            seconds = time.monotonic() - began
        _print(*ran, every_job(folder), seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The app under load.")
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--calls", type=int, default=5, help="of each person, all at once")
    parser.add_argument("--engine", choices=["fake", "pipeline"], default="fake")
    parser.add_argument("--step-seconds", type=float, default=0.02, help="of the fake engine")
    parser.add_argument("--max-waiting", type=int, default=1000)
    return parser.parse_args()


async def _run(
    address: str, folder: DataFolder, people: int, calls: int
) -> tuple[Sequence[Call], Answers, Mapping[str, Sequence[memory.Sample]]]:
    server = int((folder.root / "server.txt").read_text().split()[-1])
    over = asyncio.Event()
    watched = memory.processes(server)
    watch = asyncio.create_task(
        memory.watch(watched, lambda: len(list(folder.videos.glob("*.mp4"))), over)
    )
    made, answers = await crowd(address, people, calls)
    over.set()
    return made, answers, await watch


def _print(
    calls: Sequence[Call],
    answers: Answers,
    samples: Mapping[str, Sequence[memory.Sample]],
    jobs: Sequence[Job],
    seconds: float,
) -> None:
    called = [job for job in jobs if job.request.prompt.startswith("load ")]
    answered = {call.job for call in calls if call.video}
    refused = Counter((call.status, call.sentence) for call in calls if call.sentence)
    lost = [job for job in called if job.id not in answered or job.status is not Status.COMPLETED]
    silent = [call for call in calls if not call.video and not call.sentence]
    print(f"calls            {len(calls)} in {seconds:.0f} s, load {os.getloadavg()[0]:.1f}")
    print(f"accepted         {len(called)}")
    print(f"refused          {sum(refused.values())}")
    for (status, sentence), count in refused.items():
        print(f"                 {count} x {status}: {sentence}")
    print(f"lost             {len(lost)} jobs, {len(silent)} calls without an answer")
    print(f"open at a time   {most_open(spans(jobs))}")
    print(
        f"unfairness       {most_overtaken(turns(jobs))} turns of another between two of one's own"
    )
    for name, waits in (("page", answers.page), ("poll", answers.poll)):
        median, p95 = statistics.median(waits), statistics.quantiles(waits, n=20)[-1]
        print(
            f"{name:16} median {1000 * median:.0f} ms, p95 {1000 * p95:.0f} ms, {len(waits)} times"
        )
    for name, seen in samples.items():
        grown = memory.slope(seen, since=min(WARM_JOBS, seen[-1][0] // 2))
        print(f"memory {name:9} {seen[-1][1]:.0f} MiB, {grown:+.2f} MiB per 100 jobs")


if __name__ == "__main__":
    main()
