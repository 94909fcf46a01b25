"""How much of the disk videos may take, and which go first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from wan_demo.errors import BudgetFull, PinsFull
from wan_demo.jobs.base import JobStore
from wan_demo.media.folder import DataFolder

NEAR = 0.9
"""The share of the budget from which on the clips that go next are told."""

PINNABLE = 0.5
"""The share of the budget that may be pinned: the rest is for what others make."""


class Budget:
    """The disk budget, in bytes of finished videos; without one nothing ever has to go.

    The oldest go first, of all owners, but never what is pinned or under way.
    """

    def __init__(self, store: JobStore, folder: DataFolder, max_bytes: float | None = None) -> None:
        self.max_bytes = max_bytes
        self._store = store
        self._folder = folder

    def check(self) -> None:
        """Raises BudgetFull where what may not be removed fills it."""
        if self.max_bytes is None:
            return
        sizes = self._folder.sizes()
        removable = sum(sizes.get(job_id, 0) for job_id in self._store.oldest())
        if sum(sizes.values()) - removable >= self.max_bytes:
            raise BudgetFull(self.max_bytes)

    def check_pin(self, job_id: str) -> None:
        """Raises PinsFull where a job's videos have no room among the pinned ones."""
        if self.max_bytes is None:
            return
        sizes, removable = self._folder.sizes(), set(self._store.oldest())
        staying = sum(size for each, size in sizes.items() if each not in removable - {job_id})
        if staying > PINNABLE * self.max_bytes:
            raise PinsFull(PINNABLE * self.max_bytes)

    def surplus(self) -> Sequence[str]:
        """The jobs whose videos have to go now, the oldest first."""
        return list(self._beyond(1.0))

    def next_to_go(self) -> Set[str]:
        """The jobs whose videos go soon: those that are too many for most of the budget."""
        return set(self._beyond(NEAR))

    def _beyond(self, share: float) -> Iterator[str]:
        if self.max_bytes is None:
            return
        sizes = self._folder.sizes()
        over = sum(sizes.values()) - share * self.max_bytes
        for job_id in self._store.oldest() if over > 0 else ():
            if over > 0 and sizes.get(job_id):
                yield job_id
                over -= sizes[job_id]
