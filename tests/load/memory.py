"""How the memory of the app's processes grows with the jobs that they have done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import psutil

MIB = 2**20
SAMPLE_SECONDS = 1.0

Sample = tuple[int, float]
"""Jobs done so far, and MiB."""


def processes(server: int) -> Mapping[str, psutil.Process]:
    """The server and its worker."""
    found = psutil.Process(server)
    return {"server": found, "worker": found.children()[0]}


async def watch(
    named: Mapping[str, psutil.Process], done: Callable[[], int], over: asyncio.Event
) -> Mapping[str, Sequence[Sample]]:
    """Samples by process until it is over."""
    samples: dict[str, list[Sample]] = {name: [] for name in named}
    while not over.is_set():
        so_far = await asyncio.to_thread(done)
        for name, process in named.items():
            samples[name].append((so_far, process.memory_info().rss / MIB))
        await asyncio.sleep(SAMPLE_SECONDS)
    return samples


def slope(samples: Sequence[Sample], since: int = 0) -> float:
    """MiB that 100 jobs add, by least squares over the samples from the job ``since`` on."""
    jobs, mib = np.array([each for each in samples if each[0] >= since]).T
    return float(np.polyfit(jobs, mib, 1)[0] * 100)
