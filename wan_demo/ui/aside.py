"""Work that may have to open strangers' files, in threads that nobody else needs.

All events share forty threads with the page itself, its files and ``/health/ready``, and a file may
take a minute to open while others wait for that. So an event is done there only as far as it needs
no file that was not looked at before. Else it begins anew in a thread of these, which are as few as
files are opened at a time: an event asks for files first, and changes something only then. Who
waits for one of them holds none, and one address has at most one.
"""

from __future__ import annotations

from asyncio import Lock
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from gradio.context import LocalContext

from wan_demo.domain.rates import HERE
from wan_demo.errors import TooManyOpened
from wan_demo.media.decode import MAX_AT_ONCE, NotHere, without_opening
from wan_demo.ui.events import address_of

T = TypeVar("T")

_threads = CapacityLimiter(MAX_AT_ONCE)
_turns: WeakValueDictionary[str, Lock] = WeakValueDictionary()
"""By address, for as long as somebody has one or waits."""

EACH = 20
"""Events of one address that may wait: each call of a program has a place in Gradio's queue."""

_waiting: Counter[str] = Counter()


async def run_aside(
    work: Callable[[], T], address: str, limiter: CapacityLimiter | None = None
) -> T:
    """What ``work`` gives, by a thread of ``limiter`` where it opens no file.

    ``address`` is where it comes from, as ``rates.key_of`` has it. Raises TooManyOpened where too
    many of it wait.
    """
    try:
        return await run_sync(_without_opening, work, limiter=limiter)
    except NotHere:
        pass
    with _counted(address):
        async with _turns.setdefault(address, Lock()):
            return await run_sync(work, limiter=_threads)


@contextmanager
def _counted(address: str) -> Iterator[None]:
    if address != HERE and _waiting[address] >= EACH:
        raise TooManyOpened
    _waiting[address] += 1
    try:
        yield
    finally:
        _waiting[address] -= 1
        if not _waiting[address]:
            del _waiting[address]


def aside(handler: Callable[..., Any]) -> Callable[..., Any]:
    """``handler``, as an event that is done so."""

    @wraps(handler)
    async def answer(*given: Any) -> Any:
        request: Any = LocalContext.request.get(None)
        return await run_aside(partial(handler, *given), address_of(request))

    return answer


def _without_opening(work: Callable[[], T]) -> T:
    with without_opening():
        return work()
