"""What a clip's metadata says that it was made by: from anybody, and checked like every request."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from wan_demo.domain.files import each
from wan_demo.domain.request import INPUTS, GenerationRequest
from wan_demo.errors import InvalidRequest
from wan_demo.media.decode import read_comment

SHA256 = re.compile(r"[0-9a-f]{64}")


def read_request(clip: Path) -> GenerationRequest:
    """The request that made a clip; its inputs are named by their SHA-256.

    Raises InvalidRequest("clip", ...) for a file that is no clip of this app. Its pictures are not
    decoded, and nothing is said of whether they are what the request makes (``verify``).
    """
    return request_of(clip.name, parse(clip.name, read_comment(clip)).pop("request"))


def parse(name: str, comment: str) -> dict[str, Any]:
    """A clip's metadata, with a ``request`` in it; raises InvalidRequest("clip", ...)."""
    if not comment:
        raise InvalidRequest("clip", name, "must be made by this app; it has no metadata")
    try:
        told = json.loads(comment)
    except (ValueError, RecursionError):
        raise damaged(name, "it is no JSON") from None
    if not isinstance(told, dict) or "request" not in told:
        raise InvalidRequest("clip", name, "must be made by this app; its metadata is another's")
    return told


def request_of(name: str, told: Any) -> GenerationRequest:
    """What a clip says of its request, where it can be one; raises InvalidRequest("clip", ...)."""
    try:
        request = GenerationRequest.model_validate(told)
    except ValidationError as error:
        finding = error.errors(include_url=False)[0]
        field = shown(".".join(str(part) for part in finding["loc"])) or "its request"
        if finding["type"] == "extra_forbidden":
            told_of = f"was made by another version of this app, which has {field}"
            raise InvalidRequest("clip", name, told_of) from None
        raise damaged(name, f"{field} can't be used") from None
    if request.num_videos_per_prompt != 1:
        raise damaged(name, "it is of several videos")
    for field in INPUTS:
        if not all(SHA256.fullmatch(kept) for kept in each(getattr(request, field))):
            raise damaged(name, f"its {field} is no SHA-256")
    return request


def damaged(name: str, reason: str) -> InvalidRequest:
    """The refusal of metadata that nobody can make sense of."""
    return InvalidRequest("clip", name, f"has damaged metadata: {reason}")


def shown(value: Any) -> str:
    """A stranger's text, short and without control characters."""
    return "".join(char for char in str(value)[:100] if char.isprintable())
