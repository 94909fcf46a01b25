"""Files that a program names by an address, in place of an upload (``handle_file`` takes both).

Gradio would fetch them by itself: over http too, from any port, into memory and without an end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anyio import CapacityLimiter
from gradio_client.utils import traverse

from wan_demo.errors import InvalidRequest
from wan_demo.media.remote import Remote
from wan_demo.ui.translated import unmarked
from wan_demo.ui.values import AsGiven, lent

AT_ONCE = 8
"""Files under way, whoever wants them; the others wait."""

MOST = 3
"""Addresses in one field: as many as there may be reference images."""

UPLOAD = "must be a file that was uploaded, or its https:// address (handle_file of gradio_client)"

_places = CapacityLimiter(AT_ONCE)


async def with_files(parts: Sequence[Any], values: Sequence[Any], remote: Remote) -> list[Any]:
    """An event's values with uploads in place of addresses; raises InvalidRequest, and
    ValueError for what is like a file and is none."""
    fields = [*parts, *[None] * (len(values) - len(parts))]
    return [
        await _with_files(field, value, remote)
        for field, value in zip(fields, values, strict=False)
    ]


async def _with_files(part: Any, value: Any, remote: Remote) -> Any:
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
    if len(fetched) > MOST or not takes_files:
        raise InvalidRequest(field, next(iter(fetched)), UPLOAD)
    for address in fetched:
        target = lent("fetched")
        async with _places:
            await remote.fetch(field, address, target)
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
