"""The docs are checked: what they list is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from scripts import memory_table, model_table, security_table
from wan_demo import catalog
from wan_demo.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_every_setting_is_documented_as_it_is_declared():
    rows = [
        f"| `WAN_DEMO_{name.upper()}` | {_shown(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    assert [row for row in rows if row not in README] == []


def test_every_model_is_in_the_readme_and_no_other():
    listed = re.findall(r"^\| `([a-z0-9.-]+)` \|", README, re.MULTILINE)
    assert listed == [spec.id for spec in catalog.MODELS]


def test_the_tables_of_models_are_the_catalogues():
    """Written by ``python -m scripts.model_table``."""
    assert model_table.readme(README) == README
    assert (ROOT / "docs" / "models.md").read_text() == model_table.details()


def test_the_table_of_memory_is_the_policys():
    """Written by ``python -m scripts.memory_table``."""
    assert memory_table.readme(README) == README


def test_the_tables_of_what_was_tried_are_the_tests():
    """Written by ``python -m scripts.security_table``."""
    text = security_table.FILE.read_text()
    assert security_table.security(text) == text


def test_the_tests_named_in_the_table_of_faults_exist():
    told = "".join((ROOT / name).read_text() for name in ("ARCHITECTURE.md", "SECURITY.md"))
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", told))
    assert named
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_links_and_pictures_of_the_readme_exist():
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [target for target in targets if not (ROOT / target).exists()] == []


def _shown(default: object) -> str:
    return "" if default is None else f"`{default}`"
