"""A check of somebody's own: of what is asked for, and of what was made before anybody sees it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from wan_demo.domain.events import Frames
from wan_demo.domain.request import GenerationRequest
from wan_demo.errors import Refused

log = logging.getLogger(__name__)

Check = Callable[[GenerationRequest, Frames | None], str | None]
"""``check(request, frames)``: why it must not be, for people; None where nothing is wrong.

``frames`` are None when the request comes, else the finished clip's: (frames, height, width, 3),
8 bits RGB.
"""

FAILED = "it could not be checked"


class Safety:
    """Asks the check; where it fails, nothing passes."""

    def __init__(self, check: Check | None = None) -> None:
        self._check = check

    @property
    def is_on(self) -> bool:
        """Whether there is a check: then nothing unfinished may be seen either."""
        return self._check is not None

    def pass_on(self, request: GenerationRequest, frames: Frames | None = None) -> None:
        """Raises Refused with the check's own words."""
        if self._check is None:
            return
        try:
            why = self._check(request, frames)
        except Exception:
            log.exception("the safety check failed")
            why = FAILED
        if why is not None:
            raise Refused(str(why))


UNCHECKED = Safety()
