"""How often somebody may do something: a bucket for each, that fills up again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock

MOST_KEYS = 10_000
"""Those who came last are remembered; whoever is forgotten begins anew with a full bucket."""

HERE = ""
"""The key of this machine's own, who are never held up."""

NOBODY = "unknown"
"""The key of all who come from what can be no address: they share one."""

asking: ContextVar[str] = ContextVar("asking", default=HERE)
"""The key of whoever the request under way comes from, for what is told nothing of requests."""


class Rates:
    """``burst`` at once, and ``per_second`` more from then on, for each key."""

    def __init__(
        self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def wait(self, key: str, amount: float = 1) -> float:
        """Take so much; returns 0, or the seconds after which there will be as much to take."""
        if key == HERE:
            return 0.0
        with self._lock:
            now = self._clock()
            left, since = self._left.pop(key, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._per_second)
            is_there = left >= amount
            self._left[key] = (left - amount if is_there else left, now)
            while len(self._left) > MOST_KEYS:
                self._left.popitem(last=False)
        return 0.0 if is_there else (amount - left) / self._per_second


def key_of(address: str | None) -> str:
    """An address as a key: HERE for this machine's; one network for who has all of it in IPv6."""
    try:
        known = ip_address(address or "")
    except ValueError:
        return address or NOBODY
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped is not None:
            return key_of(str(known.ipv4_mapped))
        return HERE if known.is_loopback else str(ip_network((known, 64), strict=False))
    return HERE if known.is_loopback else str(known)
