"""Components that hand on what a person gave."""

import sys
from pathlib import Path

import gradio as gr
import pytest
from gradio.data_classes import FileData, ImageData

from wan_demo.ui import values


@pytest.mark.parametrize("given", [18, 1e308, -5, "text", None])
def test_a_slider_judges_nothing(given: object):
    assert values.Slider(1, 10, step=4).preprocess(given) == given


def test_an_upload_is_handed_on_unopened():
    upload = values.lent("broken.png")
    upload.write_bytes(b"no image at all")
    for payload in (FileData(path=str(upload)), ImageData(path=str(upload))):
        assert values.Image().preprocess(payload) == str(upload.resolve())
        assert values.Video().preprocess(payload) == str(upload.resolve())


@pytest.mark.parametrize("path", ["/etc/hostname", "../../etc/hostname", "", "nul\0"])
def test_a_path_outside_of_the_uploads_is_refused(path: str):
    for payload in (FileData(path=path), ImageData(path=path)):
        with pytest.raises((gr.Error, ValueError)):
            values.Image().preprocess(payload)


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
    assert Path(one).name.endswith("-clip.mp4")
