"""Uploaded files through the limited child: odd ones open upright, broken ones are refused."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
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
    noise,
    quarters,
    save_song,
    save_sound,
    save_video,
    show_by,
    turn_clockwise,
)
from wan_demo.domain.edit import Fit
from wan_demo.domain.notes import PHOTO_DETAIL
from wan_demo.errors import UnreadableMedium
from wan_demo.media import decode, opened
from wan_demo.media.decode import probe, read_image, read_mask, read_strip, read_take, read_video
from wan_demo.media.take import Take

SIZE = (64, 48)
TURNED = (48, 64)


def quarter_colors(picture: np.ndarray) -> list[np.ndarray]:
    """The colors in the middle of the four quarters, as ``quarters`` orders them."""
    height, width = picture.shape[:2]
    rows, columns = (height // 4, height * 3 // 4), (width // 4, width * 3 // 4)
    return [picture[row, column].astype(int) for row in rows for column in columns]


def assert_quarters(picture: np.ndarray, expected, tolerance: int = 10) -> None:
    for found, wanted in zip(quarter_colors(picture), expected, strict=True):
        assert np.abs(found - wanted).max() <= tolerance, (found, wanted)


def save_image(path: Path, picture: np.ndarray | None = None, **options) -> Path:
    image = Image.fromarray(quarters(SIZE) if picture is None else picture)
    image.save(path, **options)
    return path


class TestImages:
    @pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tiff"])
    def test_common_formats_open(self, tmp_path, suffix):
        path = save_image(tmp_path / f"image.{suffix}")
        assert (probe(path, "image").width, probe(path, "image").height) == SIZE
        assert_quarters(read_image(path, SIZE)[0], (RED, GREEN, BLUE, WHITE), 30)

    def test_the_name_says_nothing(self, tmp_path):
        path = save_image(tmp_path / "image.png").rename(tmp_path / "photo.mp4")
        assert probe(path, "image").width == SIZE[0]

    def test_exif_rotation_is_applied(self, tmp_path):
        exif = Image.Exif()
        exif[0x0112] = 6  # turn 90 degrees clockwise to view
        path = save_image(tmp_path / "phone.jpg", exif=exif, quality=95)
        assert (probe(path, "image").width, probe(path, "image").height) == TURNED
        assert_quarters(read_image(path, TURNED)[0], (BLUE, RED, WHITE, GREEN), 30)

    def test_cmyk_becomes_rgb(self, tmp_path):
        Image.new("CMYK", SIZE, (0, 255, 255, 0)).save(tmp_path / "print.jpg", quality=95)
        pixel = read_image(tmp_path / "print.jpg", SIZE)[0, 20, 20]
        assert pixel[0] > 200
        assert max(pixel[1], pixel[2]) < 60

    def test_transparent_parts_are_white(self, tmp_path):
        image = Image.new("RGBA", SIZE, (*RED, 0))
        image.paste((*BLUE, 255), (0, 0, 32, 48))
        image.save(tmp_path / "logo.png")
        assert_quarters(read_image(tmp_path / "logo.png", SIZE)[0], (BLUE, WHITE, BLUE, WHITE))

    def test_a_palette_with_transparency_opens(self, tmp_path):
        image = Image.new("P", SIZE, 0)
        image.putpalette([*RED, *BLUE])
        image.paste(1, (0, 0, 32, 48))
        image.save(tmp_path / "logo.gif", transparency=0)
        assert_quarters(read_image(tmp_path / "logo.gif", SIZE)[0], (BLUE, WHITE, BLUE, WHITE))

    def test_16_bit_gray_is_scaled_not_clipped(self, tmp_path):
        levels = np.full((48, 64), 32768, np.uint16)
        levels[:, 32:] = 65535
        Image.fromarray(levels).save(tmp_path / "scan.png")
        gray = (128, 128, 128)
        assert_quarters(read_image(tmp_path / "scan.png", SIZE)[0], (gray, WHITE, gray, WHITE))

    def test_gray_and_one_bit_pictures_open(self, tmp_path):
        for mode in ("1", "L", "LA"):
            Image.new(mode, SIZE, 0).save(tmp_path / "plain.png")
            assert read_image(tmp_path / "plain.png", SIZE)[0].shape == (48, 64, 3)

    def test_another_ratio_is_cropped_evenly_and_never_stretched(self, tmp_path):
        wide = np.zeros((64, 256, 3), np.uint8)
        wide[:, 64:192] = quarters((128, 64))
        path = save_image(tmp_path / "wide.png", wide)
        assert_quarters(read_image(path, (128, 64))[0], (RED, GREEN, BLUE, WHITE))

    def test_detail_tells_a_drawing_from_a_photo(self, tmp_path):
        noise((96, 96)).save(tmp_path / "photo.png")
        assert probe(tmp_path / "photo.png", "image").detail > PHOTO_DETAIL
        assert probe(save_image(tmp_path / "drawing.png"), "image").detail < PHOTO_DETAIL

    @pytest.mark.parametrize("size", [(1, 1), (1, 500), (501, 3)])
    def test_odd_sizes_open(self, tmp_path, size):
        Image.new("RGB", size, RED).save(tmp_path / "odd.png")
        frames = read_image(tmp_path / "odd.png", (64, 64))
        assert frames.shape == (1, 64, 64, 3)
        assert np.abs(frames[0].reshape(-1, 3).astype(int) - RED).max() <= 2


class TestVideos:
    def test_frames_come_at_the_wanted_rate_and_in_order(self, tmp_path):
        path = save_video(tmp_path / "clip.mp4", grays(24), fps=24)
        frames = read_video(path, (64, 64), 8, 8)
        assert [gray_index(frame) for frame in frames] == [0, 3, 6, 9, 12, 15, 18, 21]

    def test_a_slow_video_repeats_frames(self, tmp_path):
        path = save_video(tmp_path / "slow.mp4", grays(4), fps=4)
        frames = read_video(path, (64, 64), 8, 8)
        assert [gray_index(frame) for frame in frames] == [0, 0, 1, 1, 2, 2, 3, 3]

    def test_a_variable_frame_rate_is_followed_in_time(self, tmp_path):
        times = [0, 100, 200, 300, 1300, 1400]
        path = save_video(tmp_path / "vfr.mp4", grays(6), times_ms=times)
        frames = read_video(path, (64, 64), 12, 8)
        shown = [gray_index(frame) for frame in frames]
        assert shown == [0, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4]
        assert probe(path, "video").seconds == pytest.approx(1.4 * 6 / 5, abs=0.05)

    def test_a_probe_tells_size_frames_rate_and_time(self, tmp_path):
        medium = probe(save_video(tmp_path / "clip.mp4", grays(24, (96, 64)), fps=12), "video")
        assert (medium.width, medium.height, medium.frames) == (96, 64, 24)
        assert medium.fps == pytest.approx(12)
        assert medium.seconds == pytest.approx(2.0)
        assert medium.detail < PHOTO_DETAIL

    def test_a_phones_video_is_turned_upright(self, tmp_path):
        path = tmp_path / "phone.mp4"
        turn_clockwise(save_video(path, np.stack([quarters(SIZE)] * 9)))
        medium = probe(path, "video")
        assert (medium.width, medium.height) == TURNED
        assert_quarters(read_video(path, TURNED, 9, 8)[0], (BLUE, RED, WHITE, GREEN), 40)

    @pytest.mark.parametrize(
        ("matrix", "colors"),
        [
            ((-1, 0, 0, 1), (GREEN, RED, WHITE, BLUE)),
            ((1, 0, 0, -1), (BLUE, WHITE, RED, GREEN)),
            ((-1, 0, 0, -1), (WHITE, BLUE, GREEN, RED)),
            ((0, -1, 1, 0), (GREEN, WHITE, RED, BLUE)),
            ((0, 1, 1, 0), (RED, BLUE, GREEN, WHITE)),
            ((0, -1, -1, 0), (WHITE, GREEN, BLUE, RED)),
        ],
    )
    def test_a_mirrored_clip_is_seen_as_its_phone_shows_it(self, tmp_path, matrix, colors):
        path = show_by(save_video(tmp_path / "me.mp4", np.stack([quarters(SIZE)] * 9)), matrix)
        size = SIZE if matrix[0] else TURNED
        medium = probe(path, "video")
        assert (medium.width, medium.height) == size
        assert_quarters(read_video(path, size, 9, 8)[0], colors, 40)

    @pytest.mark.parametrize("suffix", ["gif", "png"])
    def test_pictures_that_move_are_videos(self, tmp_path, suffix):
        path = tmp_path / f"moving.{suffix}"
        first, *others = (Image.fromarray(frame) for frame in grays(17))
        first.save(path, save_all=True, append_images=others, duration=120)
        medium = probe(path, "video")
        assert (medium.frames, round(medium.seconds, 2)) == (17, 2.04)
        frames = read_video(path, (64, 64), 17, 1000 / 120)
        assert [gray_index(frame) for frame in frames] == list(range(17))
        assert probe(path, "mask").frames == 17

    @pytest.mark.parametrize("kind", ["video", "mask"])
    def test_a_webp_that_moves_is_refused(self, tmp_path, kind):
        first, *others = (Image.fromarray(frame) for frame in grays(9))
        path = tmp_path / "moving.webp"
        first.save(path, save_all=True, append_images=others, duration=120)
        with pytest.raises(UnreadableMedium, match="no WebP that moves; a GIF or an MP4"):
            probe(path, kind)

    @pytest.mark.parametrize(
        ("pixel", "seen"),
        [(Fraction(2), (144, 96)), (Fraction(1, 2), (72, 192)), (Fraction(64), (72, 96))],
    )
    def test_oblong_pixels_become_square(self, tmp_path, pixel, seen):
        frames = np.stack([quarters((72, 96))] * 9)
        path = save_video(tmp_path / "wide.mp4", frames, pixel=pixel)
        medium = probe(path, "video")
        assert (medium.width, medium.height) == seen
        assert_quarters(read_video(path, seen, 9, 8)[0], (RED, GREEN, BLUE, WHITE), 40)

    def test_oblong_pixels_are_made_square_before_the_turn(self, tmp_path):
        path = save_video(tmp_path / "a.mp4", np.stack([quarters(SIZE)] * 9), pixel=Fraction(2))
        medium = probe(turn_clockwise(path), "video")
        assert (medium.width, medium.height) == (48, 128)

    @pytest.mark.parametrize("suffix", ["mkv", "mov", "avi"])
    def test_other_containers_open(self, tmp_path, suffix):
        path = save_video(tmp_path / f"clip.{suffix}", grays(9))
        assert probe(path, "video").frames == 9

    @pytest.mark.parametrize(
        ("name", "codec", "pix_fmt"),
        [
            ("phone.mov", "libx265", "yuv420p"),
            ("camera.mov", "prores_ks", "yuv422p10le"),
            ("camera.avi", "mjpeg", "yuvj420p"),
            ("film.avi", "mpeg4", "yuv420p"),
            ("old.avi", "msmpeg4", "yuv420p"),
            ("disc.mpg", "mpeg2video", "yuv420p"),
            ("disc.mpg", "mpeg1video", "yuv420p"),
            ("windows.wmv", "wmv2", "yuv420p"),
            ("windows.wmv", "wmv1", "yuv420p"),
        ],
    )
    def test_what_phones_cameras_and_discs_make_opens(self, tmp_path, name, codec, pix_fmt):
        path = save_video(tmp_path / name, grays(24), fps=25, codec=codec, pix_fmt=pix_fmt)
        medium = probe(path, "video")
        assert (medium.width, medium.height, medium.frames) == (64, 64, 24)
        assert medium.seconds == pytest.approx(24 / 25, abs=0.05)
        frames = read_video(path, (64, 64), 9, 12.5)
        assert [gray_index(frame) for frame in frames] == pytest.approx(range(0, 18, 2), abs=1)

    def test_a_camcorders_stream_with_clocks_opens(self, tmp_path):
        packets = save_video(tmp_path / "clip.ts", grays(9)).read_bytes()
        stamped = [bytes(4) + packets[at : at + 188] for at in range(0, len(packets), 188)]
        (tmp_path / "clip.mts").write_bytes(b"".join(stamped))
        assert probe(tmp_path / "clip.mts", "video").frames == 9

    def test_webm_opens(self, tmp_path):
        path = save_video(tmp_path / "clip.webm", grays(9), codec="libvpx-vp9")
        assert probe(path, "video").frames == 9

    def test_odd_sizes_open(self, tmp_path):
        path = save_video(
            tmp_path / "odd.mp4", grays(9, (63, 47)), codec="libx264", pix_fmt="yuv444p"
        )
        assert probe(path, "video").width == 63
        assert read_video(path, (64, 64), 9, 8).shape == (9, 64, 64, 3)

    def test_a_title_in_another_alphabet_is_no_reason_to_refuse(self, tmp_path):
        path = save_video(tmp_path / "clip.mkv", grays(9))
        data = path.read_bytes()
        assert b"Lavf" in data
        path.write_bytes(data.replace(b"Lavf", b"\xed\xe4\xff\x80"))
        assert probe(path, "video").frames == 9

    def test_one_frame_is_a_video_too(self, tmp_path):
        medium = probe(save_video(tmp_path / "one.mp4", grays(1)), "video")
        assert medium.frames == 1
        assert medium.seconds > 0


class TestTakes:
    def test_a_part_is_read_faster_and_backwards(self, tmp_path):
        path = save_video(tmp_path / "clip.mp4", grays(24), fps=8)
        take = Take((64, 64), 5, 8, start=1.0, end=2.5, speed=2.0, is_reversed=True)
        assert [gray_index(frame) for frame in read_take(path, take)] == [19, 17, 15, 13, 11]

    def test_another_ratio_is_padded_where_wanted(self, tmp_path):
        path = save_video(tmp_path / "wide.mp4", np.stack([quarters((128, 64))] * 9))
        frame = read_take(path, Take((64, 64), 9, 8, fit=Fit.PAD))[4]
        assert_quarters(frame[16:48], (RED, GREEN, BLUE, WHITE), 30)
        image = save_image(tmp_path / "wide.png", quarters((128, 64)))
        frame = read_image(image, (64, 64), Fit.PAD)[0]
        assert_quarters(frame[16:48], (RED, GREEN, BLUE, WHITE), 6)

    def test_a_turned_video_is_upright_wherever_it_begins(self, tmp_path):
        path = save_video(tmp_path / "phone.mp4", np.stack([quarters(SIZE)] * 40))
        frames = read_take(turn_clockwise(path), Take(TURNED, 9, 8, start=3.5))
        assert_quarters(frames[0], (BLUE, RED, WHITE, GREEN), 40)


class TestStrips:
    def test_it_is_what_is_shown_at_each_time(self, tmp_path):
        path = save_video(tmp_path / "clip.mp4", grays(24, (96, 64)), fps=8)
        frames = read_strip(path, [0.0, 1.01, 2.9], 32)
        assert frames.shape == (3, 32, 48, 3)
        assert [gray_index(frame) for frame in frames] == [0, 8, 23]

    def test_a_frame_is_as_large_as_it_is_seen(self, tmp_path):
        path = save_video(tmp_path / "phone.mp4", np.stack([quarters(SIZE)] * 9))
        (frame,) = read_strip(turn_clockwise(path), [0.5])
        assert frame.shape == (64, 48, 3)
        assert_quarters(frame, (BLUE, RED, WHITE, GREEN), 40)

    def test_what_is_no_video_is_refused(self, tmp_path):
        with pytest.raises(UnreadableMedium, match=r"^video: must "):
            read_strip(broken(tmp_path, "text.mp4"), [0.0])


class TestMasks:
    @pytest.fixture
    def video(self, tmp_path) -> Path:
        return save_video(tmp_path / "source.mp4", grays(16, SIZE), fps=8)

    def left_half(self, *colors: tuple[int, ...], mode: str = "RGB") -> Image.Image:
        image = Image.new(mode, SIZE, colors[1])
        image.paste(colors[0], (0, 0, 32, 48))
        return image

    def assert_left(self, mask: np.ndarray) -> None:
        assert np.all(mask[..., :32] == 255)
        assert np.all(mask[..., 32:] == 0)

    @pytest.mark.parametrize(
        ("mode", "drawn", "around"),
        [
            ("RGB", WHITE, (0, 0, 0)),
            ("RGB", (200, 0, 0), (90, 90, 90)),
            ("L", 255, 0),
            ("1", 1, 0),
            ("I;16", 65535, 0),
            ("RGBA", (*WHITE, 255), (*WHITE, 0)),
            ("RGBA", (*BLUE, 255), (0, 0, 0, 0)),
            ("RGBA", (*WHITE, 255), (0, 0, 0, 255)),
            ("LA", (255, 255), (255, 100)),
        ],
    )
    def test_what_is_bright_and_seen_is_edited(self, tmp_path, video, mode, drawn, around):
        self.left_half(drawn, around, mode=mode).save(tmp_path / "mask.png")
        medium = probe(tmp_path / "mask.png", "mask")
        assert (medium.kind, medium.width, medium.height, medium.frames) == ("mask", *SIZE, 1)
        mask = read_mask(tmp_path / "mask.png", Take(SIZE, 3, 8), video)
        assert (mask.shape, mask.dtype) == ((3, 48, 64), np.uint8)
        self.assert_left(mask)

    def test_black_on_an_empty_layer_stays(self, tmp_path, video):
        self.left_half((0, 0, 0, 255), (0, 0, 0, 0), mode="RGBA").save(tmp_path / "mask.png")
        assert not read_mask(tmp_path / "mask.png", Take(SIZE, 3, 8), video).any()

    def test_a_mask_video_goes_with_its_source(self, tmp_path, video):
        """It is white at source frame 10 alone; the take shows 11, 10, 9, 8."""
        frames = np.zeros((16, 48, 64, 3), np.uint8)
        frames[10, :, :32] = 255
        path = save_video(tmp_path / "mask.mp4", frames, fps=8)
        assert probe(path, "mask").frames == 16
        take = Take(SIZE, 4, 8, start=0.5, end=1.5, is_reversed=True)
        mask = read_mask(path, take, video)
        self.assert_left(mask[1])
        assert not mask[[0, 2, 3]].any()

    def test_of_a_shorter_mask_video_the_last_picture_stays(self, tmp_path, video):
        frames = np.zeros((4, 48, 64, 3), np.uint8)
        frames[3, :, :32] = 255
        path = save_video(tmp_path / "mask.mp4", frames, fps=8)
        assert [bool(each.any()) for each in read_mask(path, Take(SIZE, 6, 8), video)] == [
            *(False, False, False),
            *(True, True, True),
        ]
        backwards = read_mask(path, Take(SIZE, 16, 8, is_reversed=True), video)
        assert [bool(each.any()) for each in backwards] == [True] * 13 + [False] * 3

    def test_padding_stays(self, tmp_path, video):
        Image.new("L", SIZE, 255).save(tmp_path / "mask.png")
        (mask,) = read_mask(tmp_path / "mask.png", Take((64, 64), 1, 8, fit=Fit.PAD), video)
        assert np.all(mask[8:56] == 255)
        assert not mask[:8].any()
        assert not mask[56:].any()

    @pytest.mark.parametrize("name", ["text.mp4", "svg.mp4", "html.png", "truncated.png", "empty"])
    def test_what_is_no_mask_is_refused_by_its_name(self, tmp_path, name):
        with pytest.raises(UnreadableMedium, match=r"^mask: must be ") as caught:
            probe(broken(tmp_path, name), "mask")
        assert caught.value.field == "mask"

    def test_a_mask_of_too_many_pixels_is_refused_as_a_picture_is(self, tmp_path, caplog):
        with pytest.raises(UnreadableMedium, match=r"^mask: must have at most 64 million pixels"):
            probe(broken(tmp_path, "bomb.png"), "mask")
        assert caplog.text == ""


def broken(folder: Path, name: str) -> Path:
    """One of the corpus of files that must be refused."""
    path = folder / name
    if name == "truncated.mp4":
        whole = save_video(folder / "whole.mp4", grays(17)).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif name == "truncated.png":
        noise((64, 64)).save(folder / "whole.png")
        path.write_bytes((folder / "whole.png").read_bytes()[:2000])
    elif name == "huge.png":
        Image.new("1", (13000, 13000)).save(path)
        assert path.stat().st_size < 100_000
    elif name == "bomb.png":
        Image.new("1", (14000, 14000)).save(path)
    elif name == "sound.mp4":
        save_sound(path)
    elif name == "song.m4a":
        save_song(path)
    elif name == "strange.mkv":
        data = save_video(path, grays(2)).read_bytes()
        path.write_bytes(data.replace(b"V_MPEG4/ISO/AVC", b"V_ZZZZZ/ISO/AVC"))
    elif name.startswith("hours."):
        save_video(path, grays(2), times_ms=[0, 36_000_000])
    else:
        path.write_bytes(TEXTS[name])
    return path


TEXTS = {
    "empty": b"",
    "text.mp4": b"Good morning, this is no video.\n" * 50,
    "svg.mp4": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "playlist.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n",
    "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "box.mp4": b"\0\0\0\x18ftypisom" + b"\0" * 200,
    "noise.mp4": bytes(range(256)) * 16,
    "matroska.mkv": b"\x1aE\xdf\xa3" + b"\xff" * 500,
    "html.png": b"<!doctype html><script>alert(1)</script>",
}


@pytest.mark.parametrize("name", [*TEXTS, "truncated.mp4", "sound.mp4"])
def test_what_is_no_video_is_refused_in_words(tmp_path, name):
    with pytest.raises(UnreadableMedium) as caught:
        probe(broken(tmp_path, name), "video")
    assert caught.value.field == "video"
    assert str(caught.value).startswith("video: must ")
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("name", [*TEXTS, "truncated.png", "huge.png"])
def test_what_is_no_image_is_refused_in_words(tmp_path, name):
    with pytest.raises(UnreadableMedium) as caught:
        probe(broken(tmp_path, name), "image")
    assert caught.value.field == "image"
    assert str(caught.value).startswith("image: must ")


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("sound.mp4", "must have a picture; this file has sound only"),
        ("song.m4a", "must have a picture; this file has sound only"),
        ("strange.mkv", "must not use the codec unknown"),
        ("hours.mp4", "must last at most 10 minutes"),
        ("hours.mkv", "must last at most 10 minutes"),
    ],
)
def test_what_can_not_be_edited_is_told_apart(tmp_path, name, allowed):
    with pytest.raises(UnreadableMedium) as caught:
        probe(broken(tmp_path, name), "video")
    assert (caught.value.field, caught.value.allowed) == ("video", allowed)


def test_a_video_is_no_image(tmp_path):
    with pytest.raises(UnreadableMedium):
        probe(save_video(tmp_path / "clip.mp4", grays(9)), "image")


@pytest.mark.parametrize("path", ["missing.png", ".", "x" * 5000, "a\0b"])
def test_what_is_no_file_is_refused(path):
    with pytest.raises(UnreadableMedium):
        probe(Path(path), "image")


def test_too_large_a_file_is_refused_unopened(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "MAX_BYTES", 10)
    with pytest.raises(UnreadableMedium, match="MB"):
        probe(save_image(tmp_path / "image.png"), "image")


def test_a_decoder_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "TIMEOUT_SECONDS", 0.01)
    with pytest.raises(UnreadableMedium, match=r"must open within 0\.01 seconds"):
        probe(save_image(tmp_path / "image.png"), "image")


def test_a_child_that_dies_is_told_to_the_log(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(decode, "_CODE", tmp_path)  # no wan_demo to be imported there
    with pytest.raises(UnreadableMedium, match="within the limits"):
        probe(save_image(tmp_path / "image.png"), "image")
    assert "the child ended with 1" in caplog.text
    assert "wan_demo" in caplog.text


@pytest.mark.parametrize(("suffix", "frames"), [("gif", 3), ("png", 3), ("webp", 3), ("tiff", 1)])
def test_a_picture_that_moves_is_its_first_frame_and_says_how_many_it_has(tmp_path, suffix, frames):
    first, *others = (Image.new("RGB", SIZE, color) for color in ("red", "lime", "blue"))
    path = tmp_path / f"a.{suffix}"
    first.save(path, save_all=True, append_images=others)
    assert probe(path, "image").frames == frames
    assert read_image(path, SIZE)[0, 0, 0].argmax() == 0


def test_frames_that_a_kill_left_are_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(decode.tempfile, "tempdir", str(tmp_path))
    left = [tmp_path / f"{decode._SCRATCH}{name}" for name in ("old", "new")]
    others = tmp_path / "somebody-elses"
    for folder in (*left, others):
        folder.mkdir()
        (folder / "array.npy").write_bytes(b"frames")
    for folder in (left[0], others):
        os.utime(folder, (1000, 1000))
    (tmp_path / f"{decode._SCRATCH}link").symlink_to(others)
    os.utime(tmp_path / f"{decode._SCRATCH}link", (1000, 1000), follow_symlinks=False)
    decode.sweep_scratch(2000)
    assert [folder.exists() for folder in (*left, others)] == [False, True, True]
    assert (others / "array.npy").exists()


def test_reading_keeps_its_frames_where_they_are_swept(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(decode, "_ask", lambda command: seen.append(Path(command["to"])))
    decode._array({"kind": "image"})
    assert seen[0].parent.name.startswith(decode._SCRATCH)
    assert not seen[0].parent.exists()


def test_the_child_learns_no_key_and_no_password(tmp_path, monkeypatch):
    for name in ("WAN_DEMO_AUTH", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, "s3cret")
    environments = []

    def run(*given: Any, env: dict[str, str], **named: Any) -> subprocess.CompletedProcess[str]:
        environments.append(env)
        return real(*given, env=env, **named)

    real = subprocess.run
    monkeypatch.setattr(decode.subprocess, "run", run)
    assert probe(save_image(tmp_path / "image.png"), "image").width
    (told,) = environments
    assert "s3cret" not in told.values()
    assert {"PATH", *decode._LIMITED} <= told.keys()


def test_few_files_are_opened_at_once(tmp_path, monkeypatch):
    path, open_now, most = save_image(tmp_path / "image.png"), [], []

    def run(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        open_now.append(1)
        most.append(len(open_now))
        time.sleep(0.05)
        open_now.pop()
        return subprocess.CompletedProcess([], 0, '{"width": 64, "height": 48}', "")

    monkeypatch.setattr(decode.subprocess, "run", run)
    with ThreadPoolExecutor(6) as pool:
        assert len(list(pool.map(lambda _: probe(path, "image"), range(6)))) == 6
    assert max(most) == decode.MAX_AT_ONCE


def test_the_child_cannot_fill_the_disk(tmp_path):
    code = (
        "import sys; from pathlib import Path; from wan_demo.media import child; "
        "child.MAX_OUTPUT = 1000; child._limit(60); Path(sys.argv[1]).write_bytes(bytes(1001))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "large")],
        capture_output=True,
        text=True,
        check=False,
        cwd=decode._CODE,
    )
    assert "File too large" in done.stderr


def test_a_decoder_takes_the_same_threads_on_every_machine(tmp_path):
    with av.open(save_video(tmp_path / "clip.mp4", grays(9))) as container:
        assert opened.video_stream(container).codec_context.thread_count == opened.THREADS
