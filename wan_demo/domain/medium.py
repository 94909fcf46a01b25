"""What is known of an uploaded image or video before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Medium:
    """An image or video as it will be seen: upright, so after rotation.

    ``frames`` and ``seconds`` are 1 and 0 for an image, ``frames`` more for one that moves, of
    which the first is used. ``detail`` is how much of it is not flat
    color, from 0 (a drawing of plain shapes) to about 1 (a photograph). ``sound`` is "unreadable"
    where there is a track of which nothing can be heard here.
    """

    kind: Literal["image", "video", "mask"]
    width: int
    height: int
    frames: int = 1
    fps: float = 0.0
    seconds: float = 0.0
    detail: float = 0.0
    sound: Literal["none", "heard", "unreadable"] = "none"
