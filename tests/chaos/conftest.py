"""The rounds' seeds, and a table of what they saw."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest

from tests.chaos.faults import FAULTS, SLOW_FAULTS, TURN


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A round for each seed."""
    if "seed" in metafunc.fixturenames:
        first = int(metafunc.config.getoption("--seed") or 0)
        count = int(metafunc.config.getoption("--rounds") or TURN)
        metafunc.parametrize("seed", range(first, first + count))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One line a fault: its rounds, and how the jobs of these ended."""
    if not config.getoption("--rounds"):
        return
    rounds: Counter[str] = Counter()
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            told = dict(report.user_properties)
            if "fault" in told:
                rounds[told["fault"]] += 1
                seen[told["fault"]].update(told.get("seen") or {f"round {outcome}": 1})
    terminalreporter.section("rounds")
    for fault in (*FAULTS, *SLOW_FAULTS):
        ways = ", ".join(f"{count} {way}" for way, count in seen[fault.name].most_common())
        terminalreporter.line(f"{rounds[fault.name]:4} {fault.name}: {ways}")
    terminalreporter.line(f"{rounds.total():4} rounds")
