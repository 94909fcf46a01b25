"""Strangers' pictures, and what is drawn as a mask; only the child process imports this."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from wan_demo.media.opened import MOVING_WEBP, Refused, not_readable
from wan_demo.media.rgb import to_rgb

MAX_PIXELS = 64_000_000
MOVING = ("GIF", "PNG", "WEBP")
"""Those of which several pictures are a moving one, and no pages."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")

Image.MAX_IMAGE_PIXELS = None
"""Pillow's own bound is an error of its own, wherever a picture is opened; ours is a sentence."""

EDITED = 128
"""From this brightness, and this opacity, a mask's pixel is edited."""


def open_image(path: Path) -> Image.Image:
    """A still picture, or the first of one that moves, upright and RGB; transparent parts become
    white."""
    return to_rgb(_upright(path))


def open_mask(path: Path) -> Image.Image:
    """A still mask, upright, of mode L: 255 where it is to be edited, else 0.

    That is what is bright and not transparent, so that a drawing of any color but black on an
    empty layer says the same as white on black.
    """
    image = _upright(path)
    mask = drawn(to_rgb(image))
    if image.has_transparency_data:
        mask = ImageChops.multiply(mask, _split(image.convert("RGBA").getchannel("A")))
    return mask


def drawn(image: Image.Image) -> Image.Image:
    """What of an RGB picture is bright: mode L, 0 or 255. A color counts by its largest part."""
    red, green, blue = image.convert("RGB").split()
    return _split(ImageChops.lighter(ImageChops.lighter(red, green), blue))


def is_still(path: Path) -> bool:
    """Whether a file begins as a picture does that does not move; raises Refused."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            moves = frames_of(image) > 1
            if moves and image.format == "WEBP":
                raise Refused(MOVING_WEBP)
            return not moves
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        return False


def frames_of(image: Image.Image) -> int:
    """How many pictures a picture that moves has; 1 for any other."""
    return getattr(image, "n_frames", 1) if image.format in MOVING else 1


def _split(levels: Image.Image) -> Image.Image:
    return levels.point([0] * EDITED + [255] * (256 - EDITED))


def _upright(path: Path) -> Image.Image:
    try:
        image = Image.open(path, formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            came = f"{image.width}x{image.height}"
            raise Refused(f"must have at most {MAX_PIXELS // 10**6} million pixels", came)
        image.load()
        return ImageOps.exif_transpose(image)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        not_readable("image", "a PNG, JPEG, WebP, GIF, BMP or TIFF", error)
