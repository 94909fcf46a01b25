"""Components that hand on what a person gave."""

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from gradio.data_classes import FileData, ImageData
from starlette.routing import Mount

from tests.ui.pressing import press_event
from tests.ui.serving import served_page
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


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return tmp_path / "uploads"


def test_a_file_is_lent_once_however_often_it_is_asked_for(tmp_path: Path, uploads: Path):
    source = tmp_path / "secret.mp4"
    source.write_bytes(b"video")
    one = Path(values.lend(source, "clip.mp4"))
    os.utime(one, (0, 0))
    assert Path(values.lend(source, "clip.mp4")) == one
    assert (one.read_bytes(), one.name) == (b"video", "clip.mp4")
    assert [path for path in uploads.rglob("*") if path.is_file()] == [one]
    assert (one.stat().st_mtime, one.stat().st_atime > 0) == (0, True)  # and is in use again


def test_who_knows_what_is_in_a_lent_file_does_not_know_its_name(tmp_path: Path, uploads: Path):
    (tmp_path / "a.mp4").write_bytes(b"video")
    lent = values.lend(tmp_path / "a.mp4", "clip.mp4")
    assert hashlib.sha256(b"video").hexdigest() not in lent


def test_nothing_stays_of_what_could_not_be_made(uploads: Path):
    def fail(to: Path) -> None:
        to.write_bytes(b"half")
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        values.lend_made("sheet.png", fail)
    assert list(uploads.iterdir()) == []


@pytest.mark.parametrize(
    "hand_on",
    [
        lambda path: values.Image().preprocess(ImageData(path=path)),
        values.uploaded,
        values.still_uploaded,
    ],
)
def test_an_upload_that_a_page_holds_is_in_use(uploads: Path, hand_on):
    upload = values.lent("mine.png")
    upload.write_bytes(b"picture")
    os.utime(upload, (0, 0))
    assert hand_on(str(upload)) == str(upload)
    assert (upload.stat().st_mtime, upload.stat().st_atime > 0) == (0, True)


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


def test_no_name_of_a_file_is_kept_that_a_client_says(tmp_path: Path, uploads: Path):
    """Those that are not there above all: Gradio kept them for as long as it ran."""
    app = served_page(tmp_path)
    gradio: Any = next(each.app for each in app.routes if isinstance(each, Mount))
    page = gradio.get_blocks()
    with TestClient(app) as client:
        for number in range(3):
            name = str(uploads / f"{number}.png")
            told = {"path": name, "meta": {"_type": "gradio.FileData"}}
            press_event(client, "plan", told)
            press_event(client, "wipe_drawn", told)
        sent = {"files": ("clip.mp4", b"0123456789")}
        assert client.post("/gradio_api/upload", files=sent).status_code == 200
    kept = [*page.temp_file_sets, page.upload_file_set]
    kept += [block.temp_files for block in page.blocks.values()]
    kept += [vars(block).get("temp_files", set()) for block in page.blocks.values()]
    assert set().union(*kept) == set()
