"""The catalogue's parameter counts are those of the real classes, built on the meta device."""

from __future__ import annotations

import pytest

from scripts.parameters import count
from wan_demo import catalog

SPECS = [
    spec
    for spec in catalog.MODELS
    if not (spec.bundled or spec.weights.replaced or spec.weights.loras)
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_the_counts_are_the_classes(spec):
    assert count(spec.architecture) == dict(spec.architecture.parameters)
