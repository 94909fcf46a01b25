"""Files that are not what they seem: cut off, spoiled, lying about themselves."""

from __future__ import annotations

import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tests.makers import (
    grays,
    noise,
    quarters,
    save_song,
    save_sound,
    save_video,
)

ABSURD = 0xFFFFFFFF


def good_videos(folder: Path) -> dict[str, Path]:
    """One of each container and of the common codecs, small."""
    frames = grays(9)
    made = {
        "a.mp4": save_video(folder / "a.mp4", frames, codec="libx264"),
        "a.mov": save_video(folder / "a.mov", frames),
        "a.mkv": save_video(folder / "a.mkv", frames, codec="libx264"),
        "a.webm": save_video(folder / "a.webm", frames, codec="libvpx-vp9"),
        "a.avi": save_video(folder / "a.avi", frames, codec="mjpeg", pix_fmt="yuvj420p"),
        "a.ts": save_video(folder / "a.ts", frames),
        "a.mpg": save_video(folder / "a.mpg", frames, fps=25, codec="mpeg2video"),
        "a.wmv": save_video(folder / "a.wmv", frames, codec="wmv2"),
    }
    first, *others = (Image.fromarray(frame) for frame in frames)
    for name in ("a.gif", "a.apng"):
        made[name] = folder / name
        first.save(made[name], save_all=True, append_images=others, duration=100)
    return made


def good_images(folder: Path) -> dict[str, Path]:
    """One of each format and of the odd modes."""
    picture, grain = Image.fromarray(quarters((48, 32))), noise((48, 32))
    exif = Image.Exif()
    exif[0x0112] = 6
    images: dict[str, Callable[[Path], None]] = {
        "a.png": grain.save,
        "a.jpg": lambda at: grain.save(at, exif=exif),
        "a.webp": grain.save,
        "a.bmp": grain.save,
        "a.tiff": lambda at: grain.save(at, compression="tiff_lzw"),
        "still.gif": picture.save,
        "cmyk.jpg": picture.convert("CMYK").save,
        "deep.png": Image.fromarray(np.full((32, 48), 40_000, np.uint16)).save,
        "palette.png": lambda at: picture.quantize(4).save(at, transparency=1),
        "profile.png": lambda at: picture.save(at, icc_profile=bytes(range(256)) * 4),
        "progressive.jpg": lambda at: grain.save(at, progressive=True),
    }
    for name, save in images.items():
        save(folder / name)
    return {name: folder / name for name in images}


def spoiled(
    whole: bytes, dice: random.Random, cuts: int, flips: int
) -> Iterator[tuple[str, bytes]]:
    """Cut off at random, and with bits turned over: a few, many, or in the first bytes alone."""
    for _ in range(cuts):
        at = dice.randrange(1, len(whole))
        yield f"cut at {at}", whole[:at]
    for number in range(1, flips + 1):
        data, count = bytearray(whole), dice.choice((1, 8, 64))
        within = min(len(data), 700) if number % 2 else len(data)
        for _ in range(count):
            data[dice.randrange(within)] ^= 1 << dice.randrange(8)
        yield f"{count} bits of {within} bytes", bytes(data)


def lying_videos(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Sound MP4s but for one number in their boxes, and what else says what it is not."""
    whole = save_video(folder / "sound.mp4", grays(9), codec="libx264").read_bytes()
    for name, box, offset, value in _NUMBERS:
        data = bytearray(whole)
        at = data.index(box) + 4 + offset
        data[at : at + len(value)] = value
        yield name, bytes(data)
    yield "boxes in boxes", _nested(3000) + whole
    yield "a box larger than the file", struct.pack(">I4sQ", 1, b"mdat", 2**62) + whole
    yield "a box of no size", whole + struct.pack(">I4s", 0, b"moov") * 50
    yield "two movies", whole + whole[whole.index(b"moov") - 4 :]
    yield "encrypted", whole.replace(b"avc1", b"encv")
    yield "another codec", whole.replace(b"avc1", b"zzzz")
    yield "no picture set", whole.replace(b"avcC", b"avcX")
    yield "a zip", _zip_bomb(folder)
    yield "a zip behind a head", whole[:32] + _zip_bomb(folder)
    yield "a song", save_song(folder / "song.m4a").read_bytes()
    yield "sound alone", save_sound(folder / "sound.mp4").read_bytes()
    yield "a mov that refers to a file", _refers(whole)
    for name, text in _TEXTS.items():
        yield name, text
        yield f"{name} behind a head", b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + text


def lying_images(_folder: Path) -> Iterator[tuple[str, bytes]]:
    """Pictures that say too much of themselves."""
    for width, height in ((65_000, 65_000), (2**31 - 1, 1), (0, 0), (1, 60_000_000)):
        yield f"a PNG of {width}x{height}", _png(width, height, b"\0")
    yield "a PNG of 60 million pixels", _png(7000, 8500, zlib.compress(bytes(7001 * 8500), 9))
    yield "a PNG whose text unfolds to 100 MB", _png(1, 1, zlib.compress(b"\0\0"), _text_bomb())
    yield (
        "a BMP of 30000x30000",
        b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 58, 0, 0, 54, 40, 30000, 30000, 1, 24, 0, 0, 0, 0, 0, 0),
    )
    yield (
        "a GIF of 65535x65535",
        b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\x02\0;",
    )
    yield "a TIFF that is its own next page", b"II*\0\x08\0\0\0\0\0\x08\0\0\0"
    yield (
        "a TIFF of a million tags",
        b"II*\0\x08\0\0\0\xff\xff" + b"\0\1\3\0\1\0\0\0\1\0\0\0" * 65535,
    )
    yield (
        "a WebP of no frame",
        b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\xff\xff\xff\xff\xff\xff",
    )
    yield "a JPEG of 65500x65500", _jpeg(65500, 65500)
    yield "a JPEG with broken EXIF", _jpeg(16, 16, b"Exif\0\0II*\0\xff\xff\xff\x7f")
    yield from _TEXTS.items()


_NUMBERS: tuple[tuple[str, bytes, int, bytes], ...] = (
    ("16384x16384 in the track's head", b"tkhd", 76, struct.pack(">II", 16384 << 16, 16384 << 16)),
    ("65535x65535 in the sample's description", b"avc1", 24, b"\xff\xff\xff\xff"),
    ("no width and no height", b"avc1", 24, bytes(4)),
    ("a time scale of 0 for the movie", b"mvhd", 12, bytes(4)),
    ("a time scale of 0 for the track", b"mdhd", 12, bytes(4)),
    ("a billion frames a second", b"mdhd", 12, struct.pack(">I", 10**9)),
    ("ten hours", b"mdhd", 12, struct.pack(">I", 1)),
    ("a movie without end", b"mvhd", 16, struct.pack(">I", ABSURD)),
    ("a track without end", b"mdhd", 16, struct.pack(">I", ABSURD)),
    ("frames of no time", b"stts", 12, bytes(4)),
    ("frames of negative time", b"stts", 12, struct.pack(">i", -(2**31))),
    ("4 billion frames", b"stts", 8, struct.pack(">I", ABSURD)),
    ("4 billion entries of times", b"stts", 4, struct.pack(">I", ABSURD)),
    ("4 billion sizes", b"stsz", 8, struct.pack(">I", ABSURD)),
    ("samples of 4 GB", b"stsz", 4, struct.pack(">I", ABSURD)),
    ("chunks beyond the file", b"stco", 8, struct.pack(">I", ABSURD)),
    ("an edit before the start", b"elst", 12, struct.pack(">i", -(2**31))),
    ("an edit without end", b"elst", 8, struct.pack(">I", ABSURD)),
    ("a matrix of nothing", b"tkhd", 40, bytes(36)),
    ("a matrix beyond all", b"tkhd", 40, b"\x7f\xff\xff\xff" * 9),
)
"""Which number of which box, counted from behind its name, is which one instead."""

_TEXTS: Mapping[str, bytes] = {
    "nothing": b"",
    "one byte": b"\0",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "HTML": b"<!doctype html><script>alert(1)</script>",
    "PDF": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n",
    "HLS": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n",
    "SDP": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "concat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "DASH": b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>',
    "subtitles": b"1\n00:00:00,000 --> 00:00:01,000\nfile:///etc/passwd\n" * 9,
    "an image sequence": b"/etc/%03d.png",
    "Matroska of nothing": b"\x1aE\xdf\xa3" + b"\xff" * 500,
    "AVI of nothing": b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrlavih" + b"\xff" * 200,
    "a transport of noise": (b"G" + bytes(range(256))[:187]) * 20,
    "Windows Media of nothing": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + b"\xff" * 200,
}


def _nested(levels: int) -> bytes:
    """Boxes, each in the one before: who recurses into them runs out of stack."""
    return b"".join(
        struct.pack(">I4s", 8 * (levels - level), b"moov" if level % 2 else b"trak")
        for level in range(levels)
    )


def _refers(whole: bytes) -> bytes:
    """A QuickTime file whose pictures lie in another file of this machine."""
    return whole.replace(b"url \0\0\0\1", b"alis\0\0\0\0").replace(b"isom", b"qt  ")


def _zip_bomb(folder: Path) -> bytes:
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("a", bytes(20_000_000))
    return (folder / "bomb.zip").read_bytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, pixels: bytes, *more: bytes) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + b"".join(more)
        + _chunk(b"IDAT", pixels)
        + _chunk(b"IEND", b"")
    )


def _text_bomb() -> bytes:
    return _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000), 9))


def _jpeg(width: int, height: int, exif: bytes = b"") -> bytes:
    app = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif if exif else b""
    size = struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"
    frame = b"\xff\xc0" + struct.pack(">H", len(size) + 2) + size
    return b"\xff\xd8" + app + frame + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"\0" * 64 + b"\xff\xd9"


def names(folder: Path) -> dict[str, list[str]]:
    """What all that lies about itself is called, by what it is uploaded as: for SECURITY.md."""
    texts = {*_TEXTS, *(f"{name} behind a head" for name in _TEXTS)}
    told = {"a video or a mask": lying_videos(folder), "an image or a mask": lying_images(folder)}
    found = {kind: [name for name, _ in cases if name not in texts] for kind, cases in told.items()}
    return {**found, "any of them": list(_TEXTS)}
