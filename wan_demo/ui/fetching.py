"""Files that a program names by an address, in place of an upload (``handle_file`` takes both).

Gradio would fetch them by itself: over http too, from any port, into memory and without an end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from anyio import CapacityLimiter, fail_after
from gradio_client.utils import traverse

from wan_demo.domain.rates import HERE, Rates
from wan_demo.errors import InvalidRequest, TooManyFiles
from wan_demo.media.remote import Remote
from wan_demo.media.room import brought
from wan_demo.ui.translated import unmarked
from wan_demo.ui.values import AsGiven, lent

AT_ONCE = 60
"""Files under way, whoever wants them; the others wait a while."""

EACH = 20
"""Of one address, waiting ones too: as many as a person may have jobs waiting by default. Each
holds one of the places that calls have in Gradio's queue."""

PER_MINUTE = 60
"""Of one address: as many as it may add jobs by default."""

WAIT_SECONDS = 30.0
"""For one of the places, before there are too many."""

MOST = 3
"""Addresses in one field: as many as there may be reference images."""

ALLOWED = "must be a file that was uploaded, or its https:// address (handle_file of gradio_client)"

Fetch: TypeAlias = Callable[[str, str, Path], Awaitable[None]]
"""Gets a field's name, an address, and where its file is to lie; raises WanDemoError."""


class Fetches:
    """What is fetched for everybody, and for each address that asks."""

    def __init__(self) -> None:
        self._places = CapacityLimiter(AT_ONCE)
        self._wanted: Counter[str] = Counter()
        self._rates = Rates(PER_MINUTE / 60, PER_MINUTE)
        self._bytes = brought()

    def by(self, remote: Remote, asking: str) -> Fetch:
        """``remote`` for whoever asks, by ``rates.key_of``; also raises TooManyFiles."""

        def count(had: int) -> None:
            if self._bytes.wait(asking, had):
                raise TooManyFiles

        async def fetch(field: str, address: str, target: Path) -> None:
            with self._counted(asking):
                async with self._place():
                    await remote.fetch(field, address, target, count)

        return fetch

    @contextmanager
    def _counted(self, asking: str) -> Iterator[None]:
        """Within it one more is wanted; raises TooManyFiles where there are too many."""
        is_full = asking != HERE and self._wanted[asking] >= EACH
        if is_full or self._rates.wait(asking):
            raise TooManyFiles
        self._wanted[asking] += 1
        try:
            yield
        finally:
            self._wanted -= Counter({asking: 1})  # which keeps no zeros

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """Within it a file is under way; raises TooManyFiles where no place was free in time."""
        try:
            with fail_after(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise TooManyFiles from None
        try:
            yield
        finally:
            self._places.release()


async def with_files(
    parts: Sequence[Any], values: Sequence[Any], fetch: Fetch | None = None
) -> list[Any]:
    """An event's values with uploads in place of addresses; raises InvalidRequest, what ``fetch``
    raises, and ValueError for what is like a file and is none.

    Without ``fetch`` no address is taken.
    """
    fields = [*parts, *[None] * (len(values) - len(parts))]
    return [
        await _with_files(field, value, fetch) for field, value in zip(fields, values, strict=False)
    ]


async def _with_files(part: Any, value: Any, fetch: Fetch | None) -> Any:
    """Every file that Gradio would see in a value, however deep."""
    fetched: dict[str, str] = {}

    def see(file: dict[str, Any]) -> dict[str, Any]:
        if "://" in file["path"]:
            fetched[file["path"]] = ""
        return file

    traverse(value, see, _is_file)
    if not fetched:
        return value
    field = unmarked(getattr(part, "label", None) or "file").split(":")[0]
    field = field.lower().replace(" ", "_")
    takes_files = isinstance(part, AsGiven) and getattr(part, "data_model", None)
    if fetch is None or len(fetched) > MOST or not takes_files:
        raise InvalidRequest(field, next(iter(fetched)), ALLOWED)
    for address in fetched:
        target = lent("fetched")
        await fetch(field, address, target)
        fetched[address] = str(target)
    return traverse(
        value,
        lambda file: {**file, "path": fetched.get(file["path"], file["path"])},
        _is_file,
    )


def _is_file(value: Any) -> bool:
    """Whether Gradio takes a value for a file's; raises ValueError where it would stumble."""
    if not isinstance(value, dict) or "meta" not in value or not isinstance(value.get("path"), str):
        return False
    if not isinstance(value["meta"], dict):
        raise ValueError(value)
    return value["meta"].get("_type") == "gradio.FileData"
