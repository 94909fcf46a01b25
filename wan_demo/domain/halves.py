"""Pairs of files for Wan2.2's two experts, by the names that publishers give them.

``high_noise_model`` and ``low_noise_model`` (lightx2v/Wan2.2-Lightning), ``..._HIGH_fp16`` and
``..._LOW_fp16`` (Kijai/WanVideo_comfy), ``wan2.2_i2v_A14b_high_noise_lora_...``
(lightx2v/Wan2.2-Distill-Loras), ``HighNoise/...-HighNoise-...`` (QuantStack).
"""

from __future__ import annotations

import re

# A word of its own, or before "noise": neither "highlight" nor "flow".
_WORD = re.compile(r"(?<![A-Za-z])(high|low)(?=[_. -]?noise|(?![A-Za-z]))", re.IGNORECASE)
_NOISE = re.compile(r"(?<![A-Za-z])(high|low)(?=[_. -]?noise)", re.IGNORECASE)
_OTHER = {"high": "low", "low": "high", "High": "Low", "Low": "High", "HIGH": "LOW", "LOW": "HIGH"}


def half(name: str) -> str | None:
    """``high`` or ``low`` where a name has that word and not the other."""
    return _only(_WORD, name)


def says_noise(name: str) -> str | None:
    """The same for names that say ``noise`` too, and so can't mean a style of low polygons."""
    return _only(_NOISE, name)


def other_half(name: str) -> str | None:
    """The name that the other half of a pair has; None where ``name`` is no half."""
    if half(name) is None:
        return None
    return _WORD.sub(lambda found: _OTHER.get(found[1], _OTHER[found[1].lower()]), name)


def _only(pattern: re.Pattern[str], name: str) -> str | None:
    words = {word.lower() for word in pattern.findall(name)}
    return words.pop() if len(words) == 1 else None
