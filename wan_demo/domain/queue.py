"""The order in which waiting jobs are taken: fair between owners, kind to the model in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wan_demo.domain.request import GenerationRequest
from wan_demo.errors import QueueFull, TooManyJobs

MOST_ALIKE = 4
"""Jobs of one kind that may be taken in a row while somebody else's, of another kind, is due.

Changing the model costs seconds to minutes, so a person waits a little longer for each to wait
much shorter; and never for more than so many jobs of others between two of their own turns.
"""


@dataclass(frozen=True)
class Caps:
    """How many jobs may wait: of all owners together, and of each one."""

    total: int
    each: int

    @property
    def of_address(self) -> int:
        """And of one address, behind which may be many people, or one who is another each time."""
        return max(self.each, self.total // 4)

    def check(self, waiting: int, own: int) -> None:
        """Raises QueueFull or TooManyJobs where one more is too many."""
        if own >= self.each:
            raise TooManyJobs(own, self.each)
        if waiting >= self.total:
            raise QueueFull(waiting, self.total)


@dataclass(frozen=True)
class Turn:
    """What the order looks at in a job: whose it is, and what it needs in memory."""

    job_id: str
    owner: str
    kind: str


def kind_of(request: GenerationRequest) -> str:
    """Equal for requests that run one after another without loading or compiling anything new."""
    worn = ",".join(str(lora) for lora in request.loras)
    shape = f"{request.width}x{request.height}x{request.num_frames}"
    shape += f"+{len(request.reference_images)}" if request.reference_images else ""
    return f"{request.model} {shape} {request.profile} {request.precision} {worn}"


def order(waiting: Iterable[Turn], started: Sequence[Turn]) -> Iterator[Turn]:
    """The waiting jobs as they will be taken, if no others come.

    ``waiting`` holds each owner's jobs in their own order, ``started`` the jobs taken lately, the
    latest last. Owners take turns: who was served longest ago, or never, is next, and among
    these who came first. Where that job is of another kind than the last one, the first in turn
    of the same kind goes before it, up to MOST_ALIKE in a row.
    """
    queues: dict[str, deque[Turn]] = {}
    for turn in waiting:
        queues.setdefault(turn.owner, deque()).append(turn)
    served = {turn.owner: at for at, turn in enumerate(started)}
    owners = deque(sorted(queues, key=lambda owner: served.get(owner, -1)))
    kind, alike = _run(started)
    while owners:
        owner = _next(owners, queues, kind if alike < MOST_ALIKE else None)
        turn = queues[owner].popleft()
        owners.remove(owner)
        if queues[owner]:
            owners.append(owner)
        kind, alike = turn.kind, alike + 1 if turn.kind == kind else 1
        yield turn


def _next(owners: deque[str], queues: dict[str, deque[Turn]], kind: str | None) -> str:
    """Whose turn it is; the first owner's unless another one's job is of ``kind``."""
    alike = (owner for owner in owners if queues[owner][0].kind == kind)
    return next(alike, owners[0])


def _run(started: Sequence[Turn]) -> tuple[str | None, int]:
    """The kind of the jobs taken last, and how many in a row were of it."""
    if not started:
        return None, 0
    kind, count = started[-1].kind, 0
    for turn in reversed(started):
        if turn.kind != kind:
            break
        count += 1
    return kind, count
