"""Rounds of chaos: a fault at a moment that a seed chooses, and every promise kept after it.

``make chaos`` runs hundreds of them, ``make test`` one of each kind. A round is repeated by its
seed: ``python -m pytest tests/chaos --rounds 1 --seed SEED``.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.chaos import injected
from tests.chaos.faults import fault_of
from tests.chaos.promises import broken
from tests.chaos.station import Station


@pytest.mark.timeout(900)
def test_every_promise_is_kept(seed: int, tmp_path, record_property):
    fault = fault_of(seed)
    record_property("fault", fault.name)
    if fault.needs_tracing and (why := injected.why_not()):
        pytest.skip(f"no call can be hit: {why}")
    station = Station(tmp_path)
    try:
        fault.bring(station, Random(seed))
        complaints = broken(station, fault.failures)
        record_property("seen", dict(station.seen()))
    except Exception as error:
        station.witness.stop()
        raise AssertionError(_told(seed, fault.name, [str(error)], station)) from error
    finally:
        station.close()
    assert complaints == [], _told(seed, fault.name, complaints, station)


def _told(seed: int, name: str, complaints: list[str], station: Station) -> str:
    """What went wrong, what the processes said, and how to see it again."""
    again = f"python -m pytest tests/chaos --rounds 1 --seed {seed}"
    said = "\n".join(f"  {complaint}" for complaint in complaints)
    return f"{name}:\n{said}\n{station.log[-4000:]}\nThis round again: {again}"
