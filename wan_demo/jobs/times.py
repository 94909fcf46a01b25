"""How long requests will take, learned from the jobs in the table."""

from __future__ import annotations

import time
from collections.abc import Callable

from wan_demo.catalog import Catalog
from wan_demo.domain.estimate import alike, expected_seconds
from wan_demo.domain.request import GenerationRequest
from wan_demo.jobs.base import JobStore

REMEMBER_SECONDS = 10.0
MOST_REMEMBERED = 4096


class Times:
    """Asks the table; for a queue of a thousand, once in ten seconds for each kind of work."""

    def __init__(
        self, store: JobStore, models: Catalog, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._specs = {spec.id: spec for spec in models.models}
        self._clock = clock
        self._remembered: dict[str, tuple[float, float | None]] = {}

    def of(self, request: GenerationRequest) -> float | None:
        """Seconds of all its clips; None where nothing is known, or its model is gone."""
        spec = self._specs.get(request.model)
        if spec is None:
            return None
        same = self._store.alike(request)
        return expected_seconds(request, spec, same, lambda: self._store.recent(request.model))

    def lately(self, request: GenerationRequest) -> float | None:
        """``of``, as it was some seconds ago."""
        single = request.single(0) if request.num_videos_per_prompt > 1 else request
        work, now = alike(request), self._clock()
        asked_at, seconds = self._remembered.get(work, (now - REMEMBER_SECONDS, None))
        if now - asked_at >= REMEMBER_SECONDS:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            seconds = self.of(single)
            self._remembered[work] = now, seconds
        return None if seconds is None else seconds * request.num_videos_per_prompt
