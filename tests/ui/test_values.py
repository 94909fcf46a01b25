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


def test_a_page_remembers_uploads_that_are_still_there_and_nothing_else(tmp_path: Path):
    (tmp_path / "mine.mp4").write_bytes(b"video")
    mine = values.lend(tmp_path / "mine.mp4", "mine.mp4")
    assert values.still_uploaded(mine) == mine
    assert values.still_uploaded([mine, f"{mine}.gone"]) == [mine]
    elsewhere, long = str(tmp_path / "mine.mp4"), f"{mine}{'x' * 300}"
    for other in (elsewhere, f"{mine}.gone", long, "a\0b", "\ud800", 7, {}, None, []):
        assert values.still_uploaded(other) is None


@pytest.mark.parametrize("name", ["Video", "Image"])
def test_a_file_is_shown_as_it_lies_there(name: str, tmp_path: Path):
    file = tmp_path / "mine.svg"
    file.write_text("<svg/>")
    shown = getattr(values, name)().postprocess(str(file))
    assert (shown.path, shown.orig_name, shown.url) == (str(file), "mine.svg", None)
    assert getattr(values, name)().postprocess(None) is None
