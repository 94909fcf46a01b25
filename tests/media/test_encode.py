from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tests.makers import BLUE, GREEN, RED, WHITE, grays, quarters
from tests.media.test_decode import assert_quarters
from wan_demo.media.decode import read_video
from wan_demo.media.encode import read_metadata, write_mp4, write_preview

METADATA = {"request": {"prompt": "a “red” 圆形 \\ \n", "seed": 1}, "device": "cpu"}


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    write_mp4(np.stack([quarters((96, 64))] * 9), 8, path, METADATA)
    return path


def test_colors_come_back_as_they_were(clip):
    for frame in read_video(clip, (96, 64), 9, 8):
        assert_quarters(frame, (RED, GREEN, BLUE, WHITE), 6)


def test_every_frame_comes_back_in_order(tmp_path):
    write_mp4(grays(17), 8, tmp_path / "clip.mp4", {})
    frames = read_video(tmp_path / "clip.mp4", (64, 64), 17, 8).astype(int)
    assert np.abs(frames - grays(17)).max() <= 4


def test_every_browser_plays_it(clip):
    with av.open(clip) as file:
        stream = file.streams.video[0]
        codec = stream.codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.frames) == (96, 64, 9)
        assert stream.average_rate == 8
        assert (codec.colorspace, codec.color_range) == (1, 1)
    data = clip.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_the_last_frame_is_shown_until_the_end_after_a_b_frame_too(tmp_path):
    """A bar on a plain ground, whose last frame but one x264 would make from the one after it."""
    frames = np.full((11, 96, 96, 3), (24, 205, 27), np.uint8)
    for index, frame in enumerate(frames):
        frame[:, index * 96 // 13 :][:, :4] = (195, 154, 33)
    write_mp4(frames, 16, tmp_path / "clip.mp4", {}, seconds=0.7)
    with av.open(str(tmp_path / "clip.mp4"), "r") as file:
        assert file.duration == 700_000
        assert len(list(file.decode(video=0))) == 11


@pytest.mark.parametrize("fps", [8, 16, 24])
@pytest.mark.parametrize("seconds", [0.1, 0.3, 1.1, 2.9, 3.0])
def test_the_last_frame_is_shown_until_the_end(tmp_path, fps, seconds):
    frames = grays(max(1, round(seconds * fps)), (16, 16))
    write_mp4(frames, fps, tmp_path / "clip.mp4", {}, seconds=seconds)
    with av.open(str(tmp_path / "clip.mp4"), "r") as file:
        stream: Any = file.streams.video[0]
        shown = [frame.time for frame in file.decode(stream)]
        assert shown == pytest.approx([index / fps for index in range(len(frames))])
        assert file.duration == round(seconds * av.time_base)
        assert stream.duration * stream.time_base == pytest.approx(seconds, abs=1e-4)


def test_metadata_comes_back_whole(clip):
    assert read_metadata(clip) == METADATA


@pytest.mark.parametrize("comment", ["", "not json", "[1]"])
def test_a_video_from_elsewhere_has_no_metadata(tmp_path, comment):
    path = tmp_path / "other.mp4"
    with av.open(path, "w") as file:
        file.metadata["comment"] = comment
        stream = file.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for frame in grays(3):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode())
    assert read_metadata(path) == {}


@pytest.mark.parametrize("size", [(96, 96), (832, 480), (64, 112)])
def test_the_same_frames_give_the_same_bytes(tmp_path, size):
    """Whatever lay in the memory before: x264's macroblock tree once read some of it."""
    frames = moving_noise(size, 17)
    rng, kept = np.random.default_rng(1), []
    written = set()
    for _ in range(80 if size == (96, 96) else 3):
        sizes = rng.integers(1, 200_000, rng.integers(8))
        kept = [np.full(size, 255, np.uint8) for size in sizes]
        written.add(made_bytes(frames, tmp_path / "clip.mp4"))
    del kept
    assert len(written) == 1


def moving_noise(size: tuple[int, int], count: int) -> np.ndarray:
    """A grainy square that moves over a grainy ground: work for every part of an encoder."""
    width, height = size
    grain = np.random.default_rng(0).integers(0, 20, (count, height, width, 3))
    frames = grain + 60
    for index, frame in enumerate(frames):
        frame[20 + index : 50 + index, 10:50] += 120
    return frames.astype(np.uint8)


def made_bytes(frames: np.ndarray, path: Path) -> bytes:
    """The file that the frames give."""
    write_mp4(frames, 8, path, METADATA)
    return path.read_bytes()


def test_a_failure_leaves_nothing_behind(tmp_path):
    with pytest.raises(av.FFmpegError, match="libx264"):  # x264 refuses odd sides
        write_mp4(np.zeros((9, 63, 63, 3), np.uint8), 8, tmp_path / "odd.mp4", {})
    assert list(tmp_path.iterdir()) == []


def test_a_preview_is_a_looping_webp(tmp_path):
    path = tmp_path / "preview.webp"
    write_preview(grays(5), path, 300)
    with Image.open(path) as image:
        assert (image.format, image.size) == ("WEBP", (64, 64))
        assert getattr(image, "n_frames", 1) == 5
        assert image.info["loop"] == 0
    write_preview(grays(2), path, 300)
    assert list(tmp_path.iterdir()) == [path]
