"""Pictures of every kind in the colors that they were made with, through the child's own way."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageCms

from wan_demo.media.decode import probe, read_image
from wan_demo.media.still import open_image

SIDE = 16
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def color(path: Path) -> tuple[int, ...]:
    """The color of a plain picture's middle."""
    image = open_image(path)
    assert image.mode == "RGB"
    value = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(value, tuple)
    return value


def near(path: Path, wanted: tuple[int, int, int], within: int = 3) -> bool:
    return max(abs(a - b) for a, b in zip(color(path), wanted, strict=True)) <= within


def save_png(path: Path, kind: int, pixel: list[int], *chunks: bytes) -> Path:
    """A plain PNG of 16 bits: ``kind`` 0 gray, 2 RGB, 4 gray and alpha, 6 RGBA."""
    row = b"\0" + np.array(pixel * SIDE, ">u2").tobytes()
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 16, kind, 0, 0, 0)
    body = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(row * SIDE))]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(body) + chunk(b"IEND", b""))
    return path


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def save_tiff(path: Path, pixel: list[int], order: str) -> Path:
    """A plain uncompressed RGB TIFF of 16 bits; ``order`` is < or >."""
    data = np.array(pixel * SIDE * SIDE, f"{order}u2").tobytes()
    count = 10
    at = 8 + 2 + 12 * count + 4
    tags = [
        *((256, 3, 1, SIDE), (257, 3, 1, SIDE), (258, 3, 3, at), (259, 3, 1, 1), (262, 3, 1, 2)),
        *((273, 4, 1, at + 6), (277, 3, 1, 3), (278, 3, 1, SIDE), (279, 4, 1, len(data))),
        (284, 3, 1, 1),
    ]
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, count)
    for tag, kind, length, value in tags:
        is_short = kind == 3 and length == 1
        told = struct.pack(f"{order}{'HH' if is_short else 'I'}", *([value, 0][: 1 + is_short]))
        out += struct.pack(f"{order}HHI", tag, kind, length) + told
    path.write_bytes(out + struct.pack(f"{order}IHHH", 0, 16, 16, 16) + data)
    return path


class TestSixteenBits:
    def test_rgb_png(self, tmp_path):
        assert near(save_png(tmp_path / "a.png", 2, [65535, 32896, 257]), (255, 128, 1), 1)

    @pytest.mark.parametrize("order", "<>")
    def test_rgb_tiff(self, tmp_path, order):
        assert near(save_tiff(tmp_path / "a.tif", [65535, 32896, 257], order), (255, 128, 1), 1)

    @pytest.mark.parametrize("level", [0, 200, 257, 32896, 65535])
    def test_gray_png_however_dark(self, tmp_path, level):
        """200 of 65535 is nearly black, and not 200 of 255."""
        wanted = round(level / 257)
        assert near(save_png(tmp_path / "a.png", 0, [level]), (wanted,) * 3, 1)

    @pytest.mark.parametrize("mode", ["I;16", "I;16B"])
    def test_gray_tiff(self, tmp_path, mode):
        levels = np.full((SIDE, SIDE), 100 * 257, "<u2")
        Image.fromarray(levels).convert("I").convert("I;16").save(tmp_path / "a.tif")
        if mode == "I;16B":
            big = Image.frombytes("I;16B", (SIDE, SIDE), levels.astype(">u2").tobytes())
            big.save(tmp_path / "a.tif")
        assert near(tmp_path / "a.tif", (100, 100, 100), 1)

    def test_transparent_ones(self, tmp_path):
        assert near(save_png(tmp_path / "a.png", 6, [65535, 0, 0, 32896]), (255, 127, 127))
        assert near(save_png(tmp_path / "b.png", 4, [0, 32896]), (127, 127, 127))
        keyed = chunk(b"tRNS", struct.pack(">HHH", 65535, 0, 0))
        assert near(save_png(tmp_path / "c.png", 2, [257, 257, 257], keyed), (1, 1, 1))


class TestMoreThanSixteenBits:
    @pytest.mark.parametrize(
        ("values", "wanted"),
        [(0.5, 128), (1.0, 255), (200.0, 200), (257.0 * 40, 40), (2e6, 255)],
    )
    def test_floating_point(self, tmp_path, values, wanted):
        Image.fromarray(np.full((SIDE, SIDE), values, np.float32)).save(tmp_path / "a.tif")
        assert near(tmp_path / "a.tif", (wanted,) * 3, 1)

    def test_what_is_no_number_is_black(self, tmp_path):
        values = np.full((SIDE, SIDE), np.nan, np.float32)
        values[0, 0] = np.inf
        Image.fromarray(values).save(tmp_path / "a.tif")
        assert color(tmp_path / "a.tif") == BLACK

    @pytest.mark.parametrize(("level", "wanted"), [(200, 200), (257 * 40, 40), (70_000, 255)])
    def test_whole_numbers(self, tmp_path, level, wanted):
        Image.fromarray(np.full((SIDE, SIDE), level, np.int32)).save(tmp_path / "a.tif")
        assert near(tmp_path / "a.tif", (wanted,) * 3, 1)


class TestCmyk:
    INK = (0, 200, 220, 10)
    RED = (245, 53, 34)

    def plain(self) -> Image.Image:
        return Image.new("CMYK", (SIDE, SIDE), self.INK)

    def test_adobes_which_is_inverted(self, tmp_path):
        self.plain().save(tmp_path / "a.jpg", quality=95)
        assert b"Adobe" in (tmp_path / "a.jpg").read_bytes()[:40]
        assert near(tmp_path / "a.jpg", self.RED, 6)

    def test_jfif_which_is_not(self, tmp_path):
        """What Pillow writes inverted, written from the inverse, under another header."""
        ImageChops.invert(self.plain()).save(tmp_path / "a.jpg", quality=95)
        data = (tmp_path / "a.jpg").read_bytes()
        at = data.index(b"\xff\xee")
        length = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        jfif = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
        (tmp_path / "a.jpg").write_bytes(data[:at] + jfif + data[at + length :])
        assert near(tmp_path / "a.jpg", self.RED, 6)

    def test_tiff(self, tmp_path):
        self.plain().save(tmp_path / "a.tif")
        assert near(tmp_path / "a.tif", self.RED, 1)


class TestTransparency:
    def test_it_becomes_white_by_its_degree(self, tmp_path):
        for alpha, wanted in ((0, WHITE), (128, (255, 127, 127)), (255, (255, 0, 0))):
            Image.new("RGBA", (SIDE, SIDE), (255, 0, 0, alpha)).save(tmp_path / "a.png")
            assert near(tmp_path / "a.png", wanted, 1)

    def test_gray_with_alpha(self, tmp_path):
        Image.new("LA", (SIDE, SIDE), (0, 128)).save(tmp_path / "a.png")
        assert near(tmp_path / "a.png", (127, 127, 127), 1)

    @pytest.mark.parametrize(("alphas", "wanted"), [(b"\x00", WHITE), (b"\x80", (255, 127, 127))])
    def test_a_palette(self, tmp_path, alphas, wanted):
        image = Image.new("P", (SIDE, SIDE), 0)
        image.putpalette([255, 0, 0, 0, 255, 0])
        image.save(tmp_path / "a.png", transparency=alphas)
        assert near(tmp_path / "a.png", wanted, 1)

    def test_one_color_that_stands_for_nothing(self, tmp_path):
        Image.new("RGB", (SIDE, SIDE), (9, 8, 7)).save(tmp_path / "a.png", transparency=(9, 8, 7))
        assert color(tmp_path / "a.png") == WHITE
        Image.new("L", (SIDE, SIDE), 9).save(tmp_path / "a.png", transparency=9)
        assert color(tmp_path / "a.png") == WHITE


class TestProfiles:
    @staticmethod
    def swapped() -> bytes:
        """sRGB but for its red and green, which are each other."""
        data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
        red, green = (data.index(tag) + 4 for tag in (b"rXYZ", b"gXYZ"))
        data[red : red + 8], data[green : green + 8] = (
            data[green : green + 8],
            data[red : red + 8],
        )
        return bytes(data).replace("sRGB".encode("utf-16-be"), "mine".encode("utf-16-be"))

    @pytest.mark.parametrize("mode", ["RGB", "RGBA"])
    def test_a_profile_says_what_colors_mean(self, tmp_path, mode):
        image = Image.new("RGB", (SIDE, SIDE), (255, 0, 0)).convert(mode)
        image.save(tmp_path / "a.png", icc_profile=self.swapped())
        assert near(tmp_path / "a.png", (0, 255, 0))

    def test_srgb_changes_no_level(self, tmp_path):
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        Image.new("RGB", (SIDE, SIDE), (13, 57, 201)).save(tmp_path / "a.png", icc_profile=profile)
        assert color(tmp_path / "a.png") == (13, 57, 201)

    @pytest.mark.parametrize("profile", [b"no profile", b"\0" * 200])
    def test_a_broken_profile_is_left_aside(self, tmp_path, profile):
        Image.new("RGB", (SIDE, SIDE), (13, 57, 201)).save(tmp_path / "a.png", icc_profile=profile)
        assert color(tmp_path / "a.png") == (13, 57, 201)

    def test_one_for_other_colors_is_left_aside(self, tmp_path):
        Image.new("L", (SIDE, SIDE), 99).save(tmp_path / "a.png", icc_profile=self.swapped())
        assert near(tmp_path / "a.png", (99, 99, 99), 2)
        Image.new("CMYK", (SIDE, SIDE), TestCmyk.INK).save(
            tmp_path / "a.tif", icc_profile=self.swapped()
        )
        assert near(tmp_path / "a.tif", TestCmyk.RED, 1)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_of_what_moves_it_is_the_first_picture(tmp_path, suffix):
    first, second = (Image.new("RGB", (SIDE, SIDE), c) for c in ((200, 30, 60), (0, 0, 255)))
    path = tmp_path / f"a.{suffix}"
    first.save(path, save_all=True, append_images=[second], duration=100)
    assert near(path, (200, 30, 60), 6)


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photo_stands_upright_whichever_way_the_camera_was_held(tmp_path, turn):
    """The first rows are red as seen, wherever they are stored."""
    seen = Image.new("RGB", (40, 20), "blue")
    seen.paste((255, 0, 0), (0, 0, 20, 10))  # the left top quarter alone
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = seen.transpose(undo[turn]) if turn in undo else seen
    exif = Image.Exif()
    exif[0x0112] = turn
    stored.save(tmp_path / "a.png", exif=exif)
    assert (probe(tmp_path / "a.png", "image").width, open_image(tmp_path / "a.png").height) == (
        *(40, 20),
    )
    frame = read_image(tmp_path / "a.png", (40, 20))[0]
    assert frame[4, 4].tolist() == [255, 0, 0]
    assert frame[4, -4].tolist() == frame[-4, 4].tolist() == frame[-4, -4].tolist() == [0, 0, 255]
