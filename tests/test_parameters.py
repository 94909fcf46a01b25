"""The catalogue's parameter counts are those of the real classes, built on the meta device."""

from __future__ import annotations

import pytest

from scripts.parameters import count
from wan_demo import catalog

SPECS = [spec for spec in catalog.MODELS if not spec.weights.replaced and not spec.weights.loras]


@pytest.mark.parametrize("spec", SPECS[1:], ids=lambda spec: spec.id)
def test_the_counts_are_the_classes(spec):
    assert count(spec.architecture) == dict(spec.architecture.parameters)
