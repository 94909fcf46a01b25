"""How fair the order was in which jobs were taken."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

Taken = tuple[str, datetime, datetime]
"""Of one job: its owner, when it was accepted, and when it was taken."""


def most_overtaken(jobs: Iterable[Taken]) -> int:
    """The most turns that any one owner had while another one waited for a single turn.

    1 where they take turns in strict order; as many as somebody queued where who comes first is
    served first.
    """
    turns = sorted(jobs, key=lambda job: job[2])
    mine: dict[str, list[Taken]] = defaultdict(list)
    for job in turns:
        mine[job[0]].append(job)
    return max((_overtaken(waits, turns) for waits in mine.values()), default=0)


def _overtaken(mine: Sequence[Taken], turns: Sequence[Taken]) -> int:
    waits = [(mine[0][1], mine[0][2])]
    waits += [(max(before[2], job[1]), job[2]) for before, job in pairwise(mine)]
    worst = 0
    for since, until in waits:
        others = Counter(owner for owner, _, at in turns if since < at < until)
        worst = max(worst, *others.values(), 0)
    return worst


def most_open(jobs: Iterable[tuple[datetime, datetime]]) -> int:
    """How many jobs were open at the same time, by when each was accepted and when it ended."""
    steps = [step for begin, end in jobs for step in ((begin, 1), (end, -1))]
    most = now = 0
    for _, step in sorted(steps):
        now += step
        most = max(most, now)
    return most
