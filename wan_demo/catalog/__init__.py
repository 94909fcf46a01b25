"""Every model the app knows, as frozen data. A new model is one more spec."""

from __future__ import annotations

from wan_demo.catalog import distilled, gguf, wan21, wan22
from wan_demo.catalog.tiny import ASSETS, TINY
from wan_demo.domain.model import ModelSpec
from wan_demo.errors import InvalidRequest

EXAMPLE_MEDIA = ASSETS / "examples"
"""Pictures and clips that examples name, drawn by ``scripts/examples.py``."""

BUNDLED = TINY

MODELS: tuple[ModelSpec, ...] = (
    BUNDLED,
    *wan21.MODELS,
    *wan22.MODELS,
    *distilled.MODELS,
    *gguf.MODELS,
)


def find(model_id: str) -> ModelSpec:
    """The spec of a catalogue id; raises InvalidRequest listing what exists."""
    for spec in MODELS:
        if spec.id == model_id:
            return spec
    raise InvalidRequest("model", model_id, f"must be one of {', '.join(ids())}")


def ids() -> list[str]:
    """The ids of all models."""
    return [spec.id for spec in MODELS]
