"""Components that hand on what a person gave."""

import sys
from pathlib import Path

import pytest
from gradio.data_classes import FileData

from wan_demo.ui import values


@pytest.mark.parametrize("given", [18, 1e308, -5, "text", None])
def test_a_slider_judges_nothing(given: object):
    assert values.Slider(1, 10, step=4).preprocess(given) == given


def test_an_upload_is_handed_on_unopened():
    assert values.Image().preprocess(FileData(path="no/such.png")) == "no/such.png"
    assert values.Video().preprocess(FileData(path="no/such.mp4")) == "no/such.mp4"


def test_gradio_writes_no_stub_beside_them():
    folder = Path(sys.modules[values.__name__].__file__ or "").parent
    assert list(folder.glob("*.pyi")) == []


@pytest.mark.parametrize("name", ["Slider", "Number", "Image", "Video"])
def test_the_browser_shows_gradios_own(name: str):
    assert getattr(values, name)().get_block_name() == name.lower()


def test_lent_files_lie_under_names_nobody_can_guess(tmp_path: Path):
    source = tmp_path / "secret.mp4"
    source.write_bytes(b"video")
    one, other = values.lend(source, "clip.mp4"), values.lend(source, "clip.mp4")
    assert one != other
    assert Path(one).read_bytes() == b"video"
    assert Path(one).name == "clip.mp4"
