"""What a video shows when: found without decoding what nobody asked for."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.makers import gray_index, grays, save_video
from wan_demo.media import moving
from wan_demo.media.moving import shown_at, strip_of, timeline
from wan_demo.media.opened import Refused


def levels(path: Path, moments: list[float]) -> list[int]:
    """Which of ``grays`` is shown at each moment."""
    found = [-1] * len(moments)
    for places, picture in shown_at(path, moments, timeline(path)):
        for place in places:
            found[place] = gray_index(np.asarray(picture))
    return found


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> Path:
    """Thirty seconds at 1 a second, a key frame every four."""
    path = tmp_path_factory.mktemp("videos") / "long.mkv"
    with av.open(path, "w") as file:
        stream = file.add_stream("libx264", rate=1, options={"g": "4", "bf": "2"})
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv420p"
        for picture in grays(30):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())
    return path


@pytest.fixture
def decoded(monkeypatch) -> list[float]:
    """The times of the frames that were decoded."""
    times: list[float] = []
    frames = moving._frames

    def counting(*args):
        for time, show in frames(*args):
            times.append(time)
            yield time, show

    monkeypatch.setattr(moving, "_frames", counting)
    return times


def test_only_the_part_that_is_wanted_is_decoded(long, decoded):
    assert levels(long, [22.5, 23.5, 24.5]) == [22, 23, 24]
    assert min(decoded) >= 17
    assert max(decoded) <= 26


def test_moments_may_come_in_any_order_and_twice(long):
    assert levels(long, [24.5, 3.2, 24.6, 0.0, 11.9]) == [24, 3, 24, 0, 11]


def test_after_the_end_the_last_picture_stays(long):
    assert levels(long, [28.0, 29.5, 45.0]) == [28, 29, 29]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "avi", "ts", "webm"])
@pytest.mark.parametrize("moments", [[0.0, 2.4], [3.6, 4.1]])
def test_every_container_is_entered_at_the_same_moment(tmp_path, suffix, moments):
    codec = "libvpx" if suffix == "webm" else "libx264"
    path = save_video(tmp_path / f"clip.{suffix}", grays(22), fps=4, codec=codec)
    assert levels(path, moments) == [int(moment * 4) for moment in moments]


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_avi_is_read_in_order(tmp_path, codec):
    """It has no times: of frames that look ahead, those of the decoder come in any order."""
    path = save_video(tmp_path / "clip.avi", grays(22), fps=4, codec=codec)
    line = timeline(path)
    assert (len(line.times), line.seconds) == (22, pytest.approx(5.5))
    assert levels(path, [index / 4 + 0.1 for index in range(22)]) == list(range(22))


def test_a_track_that_begins_late_begins_at_its_first_frame(tmp_path):
    """As in a live recording, whose clock runs from an earlier moment."""
    path = save_video(tmp_path / "late.mkv", grays(6), times_ms=[7000 + 500 * i for i in range(6)])
    line = timeline(path)
    assert line.times == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5])
    assert levels(path, [0.1, 2.3]) == [0, 4]


class TestStrips:
    def strip(self, path: Path, times: list[float], height: int | None = None) -> list[int]:
        found = [-1] * len(times)
        for places, picture in strip_of(path, times, height):
            for place in places:
                found[place] = gray_index(np.asarray(picture))
        return found

    def test_near_times_are_shown_exactly(self, long, decoded):
        assert self.strip(long, [20.0, 21.0, 22.5]) == [20, 21, 22]
        assert len(decoded) < 12

    FAR = (2.5, 7.5, 12.5, 17.5, 22.5, 27.5)

    @pytest.mark.parametrize(
        ("pictures", "most", "shown"),
        [
            (30, 30, [2, 7, 12, 17, 22, 27]),
            (20, 18, [2, 6, 12, 17, 22, 26]),
            (6, 6, [0, 4, 12, 16, 20, 24]),
            (0, 6, [0, 4, 12, 16, 20, 24]),
        ],
    )
    def test_no_more_is_decoded_than_a_look_is_worth(
        self, long, decoded, monkeypatch, pictures, most, shown
    ):
        """Each picture has its share, from the key frame before it on, and at least that one."""
        monkeypatch.setattr(moving, "GLANCED", pictures * 64 * 64)
        assert self.strip(long, [*self.FAR]) == shown
        assert len(decoded) <= most

    @pytest.mark.parametrize(
        "name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.avi", "clip.mpg", "clip.webm"]
    )
    def test_a_look_at_any_file_has_all_its_pictures(self, tmp_path, monkeypatch, name):
        monkeypatch.setattr(moving, "GLANCED", 0)
        codec = {".mpg": "mpeg2video", ".webm": "libvpx"}.get(Path(name).suffix, "libx264")
        path = save_video(tmp_path / name, grays(24), fps=25, codec=codec)
        assert len(self.strip(path, [0.1, 0.5, 0.9])) == 3
        assert -1 not in self.strip(path, [0.1, 0.5, 0.9])

    def test_times_beyond_the_video_show_its_ends(self, long):
        assert self.strip(long, [-1.0, 0.0, 99.0]) == [0, 0, 29]

    @pytest.mark.parametrize(
        ("height", "size"), [(None, (96, 64)), (32, (48, 32)), (128, (192, 128))]
    )
    def test_pictures_are_as_high_as_wanted(self, tmp_path, height, size):
        path = save_video(tmp_path / "clip.mp4", grays(9, (96, 64)))
        ((_, picture),) = strip_of(path, [0.5], height)
        assert picture.size == size


def test_a_video_whose_size_changes_gives_pictures_of_one_size(tmp_path):
    """A broadcast's: the parts of a transport stream follow each other in one file."""
    whole = tmp_path / "whole.ts"
    for size, start in (((96, 64), 0), ((64, 64), 1000)):
        times = [start + 125 * index for index in range(8)]
        part = save_video(tmp_path / "part.ts", grays(8, size), times_ms=times)
        with whole.open("ab") as file:
            file.write(part.read_bytes())
    found = [picture.size for _, picture in strip_of(whole, [0.1, 1.6], 32)]
    assert found == [(48, 32), (48, 32)]
    sizes = {picture.size for _, picture in shown_at(whole, [0.1, 1.6], timeline(whole))}
    assert sizes == {(96, 64), (64, 64)}


def test_too_many_frames_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(moving, "MAX_FRAMES", 8)
    path = save_video(tmp_path / "clip.mp4", grays(9))
    with pytest.raises(Refused, match="at most 8 frames"):
        timeline(path)
