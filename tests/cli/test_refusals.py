"""Each refusal of edits and of image to video, from the shell: one line, and nothing made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.refusals import REFUSALS, Refusal, make_files
from wan_demo.cli import main


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_files(tmp_path_factory.mktemp("files"))


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: each.name)
def test_it_is_one_line(capsys, files: Path, refusal: Refusal):
    flags = []
    for name, value in refusal.with_files(files).items():
        for each in value if isinstance(value, list) else [value]:
            flags += [f"--{name.replace('_', '-')}", str(each)]
    assert main(["generate", "--engine", "fake", *flags, "--output", "clip.mp4"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(refusal.sentence)
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert not Path("clip.mp4").exists()
