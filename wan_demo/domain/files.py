"""The files that a request names: none, one or several in each of its ``INPUTS``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

from wan_demo.domain.request import INPUTS, MOST_REFERENCES, GenerationRequest
from wan_demo.errors import InvalidRequest


def each(value: Any) -> tuple[Any, ...]:
    """What a field of INPUTS holds, one by one."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def exchanged(value: Any, exchange: Callable[[Any], Any]) -> Any:
    """The same field with another thing for each of its files: one, several or None."""
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return tuple(exchange(file) for file in value)
    return exchange(value)


def named(request: GenerationRequest | Mapping[str, Any]) -> Iterator[str]:
    """All files of a request, or of one as it is stored."""
    told = request.model_dump(include=set(INPUTS)) if not isinstance(request, Mapping) else request
    for field in INPUTS:
        yield from each(told.get(field))


def said(value: Any) -> str | None:
    """Files for a person: their names, without the folders that they lie in."""
    names = [PurePath(str(file)).name for file in each(value)]
    return ", ".join(names) if names else None


def references(given: Any) -> tuple[str, ...]:
    """``reference_images`` as a person gave them; raises InvalidRequest."""
    pictures = tuple(file for file in each(given) if file not in (None, ""))
    if len(pictures) > MOST_REFERENCES:
        allowed = f"must be at most {MOST_REFERENCES} pictures"
        raise InvalidRequest("reference_images", f"{len(pictures)} pictures", allowed)
    for number, picture in enumerate(pictures, start=1):
        if not isinstance(picture, str):
            raise InvalidRequest("reference_images", f"picture {number}", "must be a file")
    return pictures
