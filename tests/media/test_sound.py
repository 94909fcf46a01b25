"""A take's sound: of the part, at its speed and pitch, either way round, with the pictures."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.makers import (
    grays,
    heard_in,
    pitch_at,
    save_sound,
    save_video,
    tones,
    with_strange_sound,
)
from wan_demo.errors import UnreadableMedium
from wan_demo.media import decode
from wan_demo.media.child import read_sound
from wan_demo.media.encode import write_mp4
from wan_demo.media.opened import Refused
from wan_demo.media.take import SAMPLE_RATE, Samples, Take

AAC_FRAME = 1024


def take(**changes) -> Take:
    return Take((64, 64), 9, 8, **changes)


def sounding(path: Path, seconds: int = 4, **options) -> Path:
    """A video whose seconds sound of 400, 600, 800 and 1000 Hz."""
    pitches = [400 + 200 * index for index in range(seconds)]
    sound = tones(*pitches, rate=options.get("sound_rate", 48_000))
    return save_video(path, grays(8 * seconds), sound=sound, **options)


def heard(path: Path, one: Take, seconds: float) -> Samples:
    """What is heard of a source that is known to have sound."""
    sound = read_sound(path, one, seconds)
    assert sound is not None
    return sound


def pitches(path: Path, one: Take, seconds: float) -> list[int]:
    """What is heard in the middle of each half second."""
    sound = heard(path, one, seconds)
    assert sound.shape == (round(seconds * SAMPLE_RATE), 2)
    return [pitch_at(sound, 0.25 + index / 2) for index in range(int(seconds * 2))]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return sounding(tmp_path_factory.mktemp("sound") / "source.mp4")


@pytest.mark.parametrize(
    ("changes", "seconds", "expected"),
    [
        ({}, 1, [400, 400]),
        ({}, 5, [400, 400, 600, 600, 800, 800, 1000, 1000, 0, 0]),
        ({"start": 1.0, "end": 2.5}, 2, [600, 600, 800, 0]),
        ({"start": 3.0}, 1, [1000, 1000]),
        ({"is_reversed": True}, 2, [1000, 1000, 800, 800]),
        ({"is_reversed": True, "start": 1.0, "end": 2.0}, 1.5, [600, 600, 0]),
        ({"speed": 2.0}, 2, [400, 600, 800, 1000]),
        ({"speed": 4.0}, 1, [600, 1000]),
        ({"speed": 0.5}, 2, [400] * 4),
        ({"speed": 0.25, "start": 1.0}, 4, [600] * 8),
        ({"speed": 2.0, "is_reversed": True}, 2, [1000, 800, 600, 400]),
    ],
)
def test_a_part_is_heard_at_its_speed_and_pitch(source, changes, seconds, expected):
    if changes.get("speed") == 4.0:  # a quarter of a second each: no tenth lies within one
        sound = heard(source, take(**changes), seconds)
        assert [pitch_at(sound, 0.125 + index / 4) for index in range(4)] == [400, 600, 800, 1000]
        return
    assert pitches(source, take(**changes), seconds) == expected


@pytest.mark.parametrize("speed", [0.25, 0.7, 1.5, 3.0])
def test_a_moment_is_heard_when_it_is_seen(tmp_path, speed):
    """A beep from two seconds to three; its edges are as soft as the filter's window is wide."""
    path = save_video(tmp_path / "beep.mp4", grays(32), sound=tones(0, 0, 800, 0))
    sound = heard(path, take(speed=speed, start=0.5), 3.5 / speed)
    loud = np.flatnonzero(np.abs(sound[:, 0]) > 6000) / SAMPLE_RATE
    assert loud[0] == pytest.approx(1.5 / speed, abs=0.03 / min(speed, 1))
    assert loud[-1] == pytest.approx(2.5 / speed, abs=0.03)


@pytest.mark.parametrize("speed", [0.25, 0.7, 1.5, 4.0])
def test_what_is_slowed_sounds_to_its_end(source, speed):
    sound = heard(source, take(speed=speed), 4 / speed)
    assert pitch_at(sound, 4 / speed - 0.06) == 1000


def test_reversed_is_the_very_sound_backwards(source):
    forward = heard(source, take(start=1.0, end=2.0), 1.0)
    backward = heard(source, take(start=1.0, end=2.0, is_reversed=True), 1.0)
    assert np.array_equal(forward[::-1], backward)


@pytest.mark.parametrize(
    ("name", "codec", "sound_codec", "rate"),
    [
        ("clip.mp4", "libx264", "aac", 44_100),
        ("clip.mp4", "libx264", "libmp3lame", 44_100),
        ("clip.mp4", "libx264", "ac3", 48_000),
        ("clip.mov", "libx264", "alac", 48_000),
        ("clip.mov", "libx264", "pcm_s16le", 22_050),
        ("clip.webm", "libvpx", "libopus", 48_000),
        ("clip.mkv", "libx264", "libopus", 48_000),
        ("clip.mkv", "libx264", "flac", 96_000),
        ("clip.avi", "mpeg4", "libmp3lame", 48_000),
        ("clip.avi", "libx264", "pcm_s16le", 48_000),
        ("clip.ts", "libx264", "mp2", 48_000),
    ],
)
def test_common_sound_is_read_from_any_container(tmp_path, name, codec, sound_codec, rate):
    path = sounding(tmp_path / name, codec=codec, sound_codec=sound_codec, sound_rate=rate)
    assert pitches(path, take(start=1.0), 2) == [600, 600, 800, 800]
    assert pitches(path, take(start=3.0), 1) == [1000, 1000]


@pytest.mark.parametrize("channels", [1, 6])
def test_one_channel_and_six_become_two(tmp_path, channels):
    sound = tones(400, 800, channels=channels) // 4
    path = save_video(tmp_path / "clip.mkv", grays(16), sound=sound, sound_codec="pcm_s16le")
    assert pitches(path, take(), 2) == [400, 400, 800, 800]


def test_sound_that_begins_before_the_pictures_stays_with_them(tmp_path):
    times = [1000 + 125 * index for index in range(16)]
    path = save_video(tmp_path / "a.mkv", grays(16), times_ms=times, sound=tones(400, 600, 800))
    assert pitches(path, take(), 2) == [600, 600, 800, 800]


def test_a_video_without_sound_has_none(tmp_path):
    path = save_video(tmp_path / "silent.mp4", grays(9))
    assert read_sound(path, take(), 1.0) is None
    assert decode.read_sound(path, take(), 1.0) is None
    assert decode.probe(path, "video").sound == "none"


def test_the_child_brings_it(source):
    assert decode.probe(source, "video").sound == "heard"
    told = decode.read_sound(source, take(), 1.0)
    assert told is not None
    assert np.array_equal(told, heard(source, take(), 1.0))


def with_broken_sound(path: Path) -> Path:
    """The same file, with noise for all samples of its sound."""
    with av.open(path) as file:
        places = [(packet.pos or 0, packet.size) for packet in file.demux(audio=0)]
    data = bytearray(path.read_bytes())
    for at, size in places:
        data[at : at + size] = bytes(255 - index % 200 for index in range(size))
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "spoil"), [("clip.mkv", with_strange_sound), ("clip.mp4", with_broken_sound)]
)
def test_sound_that_can_not_be_read_is_told_as_such(tmp_path, name, spoil):
    path = spoil(sounding(tmp_path / name, 2))
    with pytest.raises(Refused):
        read_sound(path, take(), 1.0)
    with pytest.raises(UnreadableMedium, match=r"^sound: has "):
        decode.read_sound(path, take(), 1.0)
    medium = decode.probe(path, "video")
    assert (medium.frames, medium.sound) == (16, "unreadable")


def test_a_damaged_piece_is_passed_over(tmp_path):
    path = sounding(tmp_path / "clip.mkv")
    data = bytearray(path.read_bytes())
    with_broken = len(data) * 3 // 5
    data[with_broken : with_broken + 300] = bytes(300)
    path.write_bytes(data)
    assert pitches(path, take(), 1) == [400, 400]


class TestMuxed:
    @pytest.mark.parametrize("count", [1, 9, 13])
    @pytest.mark.parametrize("fps", [8, 16, 24])
    def test_the_clips_sound_is_as_long_as_the_clip(self, tmp_path, count, fps):
        seconds = count / fps
        sound = tones(600, 600)[: round(seconds * SAMPLE_RATE)]
        write_mp4(grays(count), fps, tmp_path / "clip.mp4", {}, sound=sound)
        found = heard_in(tmp_path / "clip.mp4")
        assert found is not None
        assert 0 <= len(found) - len(sound) < AAC_FRAME

    def test_it_is_in_sync_to_within_a_frame(self, tmp_path):
        sound = tones(0, 600)
        write_mp4(grays(16), 8, tmp_path / "clip.mp4", {}, sound=sound)
        found = heard_in(tmp_path / "clip.mp4")
        assert found is not None
        begins = int(np.flatnonzero(np.abs(found[:, 0]) > 3000)[0])
        assert abs(begins - SAMPLE_RATE) < AAC_FRAME
        assert pitch_at(found, 1.5) == 600

    def test_the_pictures_are_the_same_with_and_without(self, tmp_path):
        write_mp4(grays(17), 8, tmp_path / "mute.mp4", {}, seconds=2.0)
        write_mp4(grays(17), 8, tmp_path / "loud.mp4", {}, seconds=2.0, sound=tones(400, 500))
        mute, loud = (decode.read_clip(tmp_path / f"{name}.mp4") for name in ("mute", "loud"))
        assert mute == loud

    def test_the_same_sound_gives_the_same_bytes(self, tmp_path):
        for name in ("one", "two"):
            write_mp4(grays(16), 8, tmp_path / f"{name}.mp4", {}, sound=tones(400, 500))
        one, two = ((tmp_path / f"{name}.mp4").read_bytes() for name in ("one", "two"))
        assert one == two

    def test_a_file_with_sound_alone_is_no_source(self, tmp_path):
        with pytest.raises(UnreadableMedium, match="sound only"):
            decode.probe(save_sound(tmp_path / "sound.mp4"), "video")
