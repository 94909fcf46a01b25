"""The size that each tab was left with: what one's picture or video made of it crops no other's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.ui import form as f

Sizes = Mapping[str, Mapping[str, int]]
"""Width and height by task, as one page remembers them."""


def left(sizes: Sizes, task: Task, width: Any, height: Any) -> Sizes:
    """With what a tab holds now; a client may send anything, of which only numbers are kept."""
    if not isinstance(width, int) or not isinstance(height, int):
        return sizes
    return {**sizes, task.value: {"width": width, "height": height}}


def again(sizes: Sizes, task: Task, spec: ModelSpec) -> Mapping[str, int]:
    """What a tab was left with, where a model can do it; else nothing."""
    size = sizes.get(task.value, {})
    return size if all(f.fits(name, side, spec) for name, side in size.items()) else {}
