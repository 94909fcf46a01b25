"""Every model the app knows, as frozen data. A new model is one more spec."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from wan_demo.catalog import distilled, gguf, wan21, wan22
from wan_demo.catalog.tiny import ASSETS, TINY, TINY_VACE
from wan_demo.domain.model import ModelSpec
from wan_demo.errors import InvalidRequest

EXAMPLE_MEDIA = ASSETS / "examples"
"""Pictures and clips that examples name, drawn by ``scripts/examples.py``."""

BUNDLED = TINY

MODELS: tuple[ModelSpec, ...] = (
    BUNDLED,
    TINY_VACE,
    *wan21.MODELS,
    *wan22.MODELS,
    *distilled.MODELS,
    *gguf.MODELS,
)


@dataclass(frozen=True)
class Catalog:
    """The models of one application: those above, and a person's own (``catalog.own``).

    ``faults`` are sentences on entries of their file that could not be used.
    """

    models: tuple[ModelSpec, ...] = MODELS
    faults: tuple[str, ...] = ()

    @property
    def ids(self) -> list[str]:
        """The ids of all models."""
        return [spec.id for spec in self.models]

    def find(self, model_id: str) -> ModelSpec:
        """The spec of an id; raises InvalidRequest with ids like it, or else with all."""
        for spec in self.models:
            if spec.id == model_id:
                return spec
        near = get_close_matches(str(model_id).lower(), self.ids)
        allowed = "must be the id of a model" if near else f"must be one of {', '.join(self.ids)}"
        if self.faults:
            allowed += " (some of your own have faults: see `python -m wan_demo models`)"
        raise InvalidRequest("model", model_id, allowed, near)


BUILT_IN = Catalog()


def find(model_id: str) -> ModelSpec:
    """The spec of a built-in model's id; raises InvalidRequest as ``Catalog.find`` does."""
    return BUILT_IN.find(model_id)
