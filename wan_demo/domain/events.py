"""What happens during a generation, in this order: Planned, then Downloading, Loading and Ready
where the model is not in memory yet, Step ..., Decoding, Finished.

Where a clip is made in a process of its own, Acquiring comes first, and Encoding and Written stand
for Finished, so that the frames stay there; or Broken for an exception.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wan_demo.domain.job import Failure

Frames = NDArray[np.uint8]
"""RGB frames, shape (frames, height, width, 3), values 0 to 255."""

Picture = NDArray[np.uint8]
"""One of them, shape (height, width, 3)."""

Mask = NDArray[np.uint8]
"""Shape (frames, height, width): 255 where a video is edited, 0 where it stays."""


@dataclass(frozen=True)
class Planned:
    """How the model is kept in memory for this clip, and why, as a sentence.

    ``notice`` is what a person must know of it besides: that their own choice may be too tight,
    or that memory ran out and it begins again with less. Empty where there is nothing.
    """

    sentence: str
    notice: str = ""


@dataclass(frozen=True)
class Downloading:
    """The model's files are being fetched; bytes that are here, and all bytes."""

    done: int
    total: int


@dataclass(frozen=True)
class Loading:
    """The model is being read into memory."""

    model: str


@dataclass(frozen=True)
class Ready:
    """The model has been read into memory."""


@dataclass(frozen=True)
class Pass:
    """The model has seen a window of the clip: a sign of life within a step.

    An edit's step may take hundreds of them, and who stops it need not wait for the rest.
    """


@dataclass(frozen=True)
class Step:
    """A denoising step is done; ``index`` counts from 1 to ``total``.

    ``preview`` is a rough picture of what is coming, or None on most steps.
    """

    index: int
    total: int
    preview: Frames | None = None


@dataclass(frozen=True)
class Decoding:
    """All steps are done; the latents are being decoded to frames."""


@dataclass(frozen=True)
class Finished:
    """The frames, and what made them (model revision, device, library versions)."""

    frames: Frames
    provenance: dict[str, str]


Event = Planned | Downloading | Loading | Ready | Pass | Step | Decoding | Finished


@dataclass(frozen=True)
class Acquiring:
    """A device is being waited for, which others use too; Ready comes once it is there."""


@dataclass(frozen=True)
class Encoding:
    """The frames are there and are being written."""


@dataclass(frozen=True)
class Written:
    """The clip is whole: its file's name in the data folder's ``videos/``."""

    file: str


@dataclass(frozen=True)
class Broken:
    """The clip could not be made, and why."""

    failure: Failure
