"""Looks at a video before it is used."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from tests.makers import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    gray_index,
    grays,
    quarters,
    save_video,
    turn_clockwise,
)
from wan_demo.errors import UnreadableMedium
from wan_demo.media import glimpse
from wan_demo.media.decode import probe
from wan_demo.media.glimpse import CELL, COUNT, Glimpses


@pytest.fixture
def glimpses() -> Glimpses:
    return Glimpses()


def token(glimpses: Glimpses, path) -> str:
    address = glimpses.address(path, probe(path, "video"))
    return address.removeprefix("glimpses/")


def opened(data: bytes | None) -> np.ndarray:
    assert data is not None
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_a_strip_shows_the_middles_of_equal_pieces(glimpses, tmp_path):
    path = save_video(tmp_path / "clip.mp4", grays(20), fps=8)
    strip = opened(glimpses.strip(token(glimpses, path)))
    assert strip.shape == (CELL[1], COUNT * CELL[0], 3)
    cells = [strip[:, at : at + CELL[0]] for at in range(0, COUNT * CELL[0], CELL[0])]
    assert [gray_index(cell) for cell in cells] == [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]


def test_a_frame_is_the_one_shown_then_as_a_model_sees_it(glimpses, tmp_path):
    path = save_video(tmp_path / "phone.mov", np.stack([quarters((64, 48))] * 9), pixel=Fraction(2))
    frame = opened(glimpses.frame(token(glimpses, turn_clockwise(path)), 0.5))
    assert frame.shape == (128, 48, 3)
    places = [(32, 12), (32, 36), (96, 12), (96, 36)]
    for place, color in zip(places, (BLUE, RED, WHITE, GREEN), strict=True):
        assert np.abs(frame[place].astype(int) - color).max() < 45


def test_a_large_frame_is_made_small(glimpses, tmp_path):
    path = save_video(tmp_path / "wide.mp4", grays(2, (1440, 960)))
    assert opened(glimpses.frame(token(glimpses, path), 0.0)).shape == (480, 720, 3)


def test_an_address_tells_nothing_and_is_another_on_each_server(glimpses, tmp_path):
    path = save_video(tmp_path / "secret-name.mp4", grays(2))
    address = glimpses.address(path, probe(path, "video"))
    assert address == glimpses.address(path, probe(path, "video"))
    assert "secret" not in address
    assert address != Glimpses().address(path, probe(path, "video"))


def test_what_is_no_address_of_ours_shows_nothing(glimpses, tmp_path):
    path = save_video(tmp_path / "clip.mp4", grays(2))
    others = token(Glimpses(), path)
    assert glimpses.strip(others) is None
    assert glimpses.frame(others, 0.0) is None


def test_a_file_that_is_gone_can_not_be_looked_at(glimpses, tmp_path):
    path = save_video(tmp_path / "clip.mp4", grays(2))
    mine = token(glimpses, path)
    assert glimpses.strip(mine)
    assert glimpses.frame(mine, 0.0)
    path.unlink()
    with pytest.raises(UnreadableMedium):
        glimpses.strip(mine)
    with pytest.raises(UnreadableMedium):
        glimpses.frame(mine, 0.0)


def test_the_videos_used_last_are_remembered(glimpses, tmp_path, monkeypatch):
    monkeypatch.setattr(glimpse, "MOST_VIDEOS", 2)
    medium = probe(save_video(tmp_path / "clip.mp4", grays(2)), "video")
    paths = [tmp_path / "clip.mp4", tmp_path / "b", tmp_path / "clip.mp4", tmp_path / "c"]
    mine, other, *_ = [glimpses.address(path, medium).split("/")[1] for path in paths]
    assert glimpses.strip(mine)
    assert glimpses.strip(other) is None
