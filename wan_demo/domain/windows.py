"""Overlapping windows over a clip that is longer than what a model makes at once."""

from __future__ import annotations

from collections.abc import Sequence

OVERLAP = 1 / 3
"""Of a window: the part that it shares with the next one, at least."""


def latent_frames(frames: int) -> int:
    """How many latent frames a Wan VAE makes of 4k+1 frames: the first one stands alone."""
    return (frames - 1) // 4 + 1


def spans(length: int, window: int) -> Sequence[range]:
    """Windows of equal length, evenly spread, that cover ``length`` and share OVERLAP or more.

    One that covers all of it where it is no longer than a window.
    """
    if length <= window:
        return [range(length)]
    shared = max(1, round(window * OVERLAP))
    steps = -(-(length - window) // max(1, window - shared))
    starts = [round(index * (length - window) / steps) for index in range(steps + 1)]
    return [range(start, start + window) for start in starts]


def weights(spans: Sequence[range]) -> Sequence[Sequence[float]]:
    """How much each frame of each window counts: less towards an end where another one goes on.

    Over an overlap one fades out as the next fades in, from nothing: the first latent frame that a
    model sees stands for one picture to it, and where a window begins later it stands for four.
    Nothing fades at the clip's own ends.
    """
    faded: list[Sequence[float]] = []
    for index, span in enumerate(spans):
        before = len(range(span.start, spans[index - 1].stop)) if index else 0
        after = len(range(spans[index + 1].start, span.stop)) if index + 1 < len(spans) else 0
        ups = [*(at / before for at in range(before)), *[1.0] * (len(span) - before)]
        downs = [*[1.0] * (len(span) - after), *(1 - at / after for at in range(after))]
        faded.append([up * down for up, down in zip(ups, downs, strict=True)])
    return faded
