"""Any still picture as 8-bit RGB on white, in the colors that a browser would show.

What Pillow's own conversion leaves out: 16-bit and floating-point grays, which it clips; color
profiles (a phone's photo is in Display P3, a press's in its own CMYK); CMYK that is stored plain.
Only the child process imports this.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageCms

_PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_SPACES = {"RGB": "RGB", "CMYK": "CMYK"}
"""Modes whose profile is looked at, and what such a profile says of itself."""


def to_rgb(image: Image.Image) -> Image.Image:
    """The picture in mode RGB: sRGB where it tells its profile; transparent parts become white."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        image = _gray(image)
    if image.mode == "CMYK" and _is_plain(image):
        image = ImageChops.invert(image)
    if image.mode == "La":  # has no way to RGBA of its own
        image = image.convert("LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        ground.alpha_composite(image)
        image = ground.convert("RGB")
    if image.mode not in _SPACES:
        image = image.convert("RGB")
    return _in_srgb(image, profile).convert("RGB")


def _gray(image: Image.Image) -> Image.Image:
    """Gray of more than 8 bits, scaled to its own range.

    Modes of 16 bits are as wide as they say. Those of 32 are used for all widths: it is the
    narrowest of 1.0 (floating point only), 8 and 16 bits that holds the brightest pixel, or else
    that pixel itself.
    """
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0)
    brightest = float(values.max(initial=0))
    tops = [65535.0] if image.mode.startswith("I;16") else [255.0, 65535.0, brightest]
    tops = [1.0, *tops] if image.mode == "F" else tops
    top = next(top for top in tops if brightest <= top)
    return Image.fromarray((np.clip(values / top, 0, 1) * 255).round().astype(np.uint8))


def _is_plain(image: Image.Image) -> bool:
    """Whether CMYK was stored as it is. Pillow takes every JPEG's for inverted, as Adobe's are.

    Those that say to be JFIF and not to be Adobe's are not; so libvips takes them, too.
    """
    return "jfif" in image.info and "adobe" not in image.info


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """By its own profile; a broken one, or one of other colors, is left aside."""
    if not profile:
        return image
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        told: Any = own.profile
        is_of_it = told.xcolor_space.strip() == _SPACES[image.mode]
        if not is_of_it or "sRGB" in (told.profile_description or ""):
            return image
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, own, srgb, outputMode="RGB") or image
    except _PROFILE_ERRORS:
        return image
