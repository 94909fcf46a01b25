from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.makers import BLUE, GREEN, RED, WHITE, noise, quarters
from tests.media.test_decode import assert_quarters
from wan_demo.domain.edit import Fit
from wan_demo.media.fit import contain, cover, fit, fit_mask, flat_share, on_white, stack


@given(st.tuples(st.integers(1, 300), st.integers(1, 300)))
def test_cover_fills_any_size(size):
    assert cover(Image.new("RGB", size), (96, 64)).size == (96, 64)


def test_cover_keeps_a_circle_round():
    circle = Image.fromarray(quarters((200, 100)))
    square = np.asarray(cover(circle, (64, 64)))
    assert (square[10, 31] != square[10, 32]).any()  # the middle stays the middle
    assert (square[31, 10] != square[32, 10]).any()


@given(st.tuples(st.integers(1, 300), st.integers(1, 300)))
def test_contain_fills_any_size(size):
    assert contain(Image.new("RGB", size), (96, 64)).size == (96, 64)


@pytest.mark.parametrize("size", [(64, 32), (32, 64), (200, 100)])
def test_padding_shows_the_whole_picture_unstretched(size):
    """Each of the four corners is seen where it lies in the middle, and round it is blur."""
    whole = np.asarray(contain(Image.fromarray(quarters(size)), (64, 64))).astype(int)
    wide, high = (64, 64 * size[1] // size[0]) if size[0] > size[1] else (32, 64)
    left, top = (64 - wide) // 2, (64 - high) // 2
    seen = whole[top : top + high, left : left + wide]
    assert_quarters(seen, (RED, GREEN, BLUE, WHITE), 6)
    for row, column, color in [(1, 1, RED), (1, -2, GREEN), (-2, 1, BLUE), (-2, -2, WHITE)]:
        assert np.abs(seen[row, column] - color).max() <= 6


def test_the_padding_is_the_picture_blurred_and_not_plain():
    whole = np.asarray(contain(Image.fromarray(quarters((128, 64))), (128, 128))).astype(int)
    assert np.abs(whole[4, 4] - RED).max() <= 10
    assert np.abs(whole[-4, -4] - WHITE).max() <= 10
    step = np.abs(np.diff(whole[4], axis=0)).max()
    assert 0 < step < np.abs(np.subtract(RED, GREEN)).max() / 4


def test_what_has_the_ratio_is_padded_by_nothing():
    image = noise((128, 64))
    cropped, padded = (fit(image, (64, 32), how) for how in (Fit.CROP, Fit.PAD))
    assert cropped.tobytes() == padded.tobytes()


@pytest.mark.parametrize("how", Fit)
@pytest.mark.parametrize("size", [(64, 64), (96, 32), (32, 96), (48, 160)])
def test_a_mask_lies_where_its_picture_lies(how, size):
    """A picture that is white where its mask is, fitted: the two agree but for soft edges."""
    mask = np.zeros((70, 110), np.uint8)
    mask[20:50, 30:80] = 255
    image = Image.fromarray(mask)
    fitted = np.asarray(fit_mask(image, size, how))
    picture = np.asarray(fit(image.convert("RGB"), size, how))[..., 0]
    assert set(np.unique(fitted)) == {0, 255}
    assert np.all(picture[fitted == 255] >= 64)
    if how is Fit.CROP:
        assert np.all(picture[fitted == 0] <= 191)
    assert np.count_nonzero(fitted) > 80


def test_padding_is_never_edited():
    fitted = np.asarray(fit_mask(Image.new("L", (64, 32), 255), (64, 64), Fit.PAD))
    assert np.all(fitted[16:48] == 255)
    assert np.all(fitted[:16] == 0)
    assert np.all(fitted[48:] == 0)


@given(st.tuples(st.integers(1, 300), st.integers(1, 300)))
def test_on_white_fills_any_size(size):
    assert on_white(Image.new("RGB", size), (96, 64)).size == (96, 64)


def test_all_of_a_picture_is_seen_in_the_middle_of_white():
    wide = Image.new("RGB", (200, 100), "blue")
    shown = np.asarray(on_white(wide, (64, 64)))
    assert (shown[16:48] == (0, 0, 255)).all()
    assert (shown[:16] == 255).all()
    assert (shown[48:] == 255).all()


def test_flat_share_is_of_plain_color():
    assert flat_share(Image.new("RGB", (96, 96), "red")) == 1
    assert flat_share(Image.fromarray(quarters((96, 96)))) > 0.9
    assert flat_share(noise((96, 96))) < 0.2


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_stack_makes_rgb(mode):
    assert stack([Image.new(mode, (8, 6))] * 2).shape == (2, 6, 8, 3)
