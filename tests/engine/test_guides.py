from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.makers import BLUE, RED, noise, quarters
from wan_demo.domain.edit import Guide
from wan_demo.engine.guides import edited, shown

SIDE = 64


@pytest.fixture
def video() -> np.ndarray:
    """Two frames, of flat colors and of noise."""
    return np.stack([quarters((SIDE, SIDE)), np.asarray(noise((SIDE, SIDE)))])


def left_half(frames: int) -> np.ndarray:
    mask = np.zeros((frames, SIDE, SIDE), np.uint8)
    mask[:, :, : SIDE // 2] = 255
    return mask


@pytest.mark.parametrize("guide", Guide)
def test_a_guide_has_the_videos_shape_and_levels_from_0_to_1(video, guide):
    levels = shown(video, guide)
    assert levels.shape == video.shape
    assert levels.dtype == np.float32
    assert levels.min() >= 0
    assert levels.max() <= 1


def test_the_video_itself_is_shown_to_the_level(video):
    assert (np.round(shown(video, Guide.VIDEO) * 255) == video).all()


def test_blank_says_nothing(video):
    assert (shown(video, Guide.BLANK) == 0.5).all()  # 0 where the VAE's range is -1 to 1


def test_gray_keeps_the_brightness_alone(video):
    levels = shown(video, Guide.GRAY)
    assert (levels[..., 0] == levels[..., 1]).all()
    luma = np.asarray(Image.fromarray(video[0]).convert("L")) / np.float32(255)
    assert (levels[0, ..., 2] == luma).all()


def test_blur_keeps_broad_colors_and_no_detail(video):
    levels = shown(video, Guide.BLUR)
    assert np.abs(levels[0, 4, 4] * 255 - RED).max() <= 3
    assert np.abs(levels[0, -4, 4] * 255 - BLUE).max() <= 3
    assert levels[1].std() < 0.2 * shown(video, Guide.VIDEO)[1].std()


def test_edges_are_dark_lines_on_white():
    square = np.full((1, SIDE, SIDE, 3), 60, np.uint8)
    square[:, 16:48, 16:48] = (200, 180, 60)
    lines = shown(square, Guide.EDGES)[0, ..., 0]
    assert lines[32, 16] < 0.1  # its left side
    assert lines[16, 32] < 0.1  # its top
    assert (lines[20:44, 20:44] == 1).all()
    assert (lines[:12] == 1).all()


def test_edges_show_where_colors_of_one_brightness_meet():
    pair = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    pair[:, :, :32], pair[:, :, 32:] = (180, 40, 40), (40, 111, 40)
    gray = np.asarray(Image.fromarray(pair[0]).convert("L"))
    assert abs(int(gray[0, 0]) - int(gray[0, -1])) <= 1
    assert shown(pair, Guide.EDGES)[0, 32, 32, 0] < 0.2


def test_grain_and_slow_shades_have_no_edges():
    ramp = np.linspace(60, 190, SIDE)[None, None, :, None]
    grain = np.random.default_rng(0).normal(0, 3, (1, SIDE, SIDE, 3))
    assert shown((ramp + grain).astype(np.uint8), Guide.EDGES).min() > 0.9


def test_edges_do_not_depend_on_what_else_is_in_the_frame(video):
    alone = shown(video[:1], Guide.EDGES)
    assert (shown(video, Guide.EDGES)[:1] == alone).all()
    brighter = video[:1].copy()
    brighter[:, -8:, -8:] = 0  # the strongest edge of all, far away
    assert (shown(brighter, Guide.EDGES)[:, :40, :40] == alone[:, :40, :40]).all()


@pytest.mark.parametrize("guide", Guide)
def test_a_mask_keeps_the_source_outside_and_the_guide_inside(video, guide):
    half = SIDE // 2
    levels = shown(video, guide, left_half(2))
    assert (levels[:, :, half:] == shown(video, Guide.VIDEO)[:, :, half:]).all()
    assert (levels[:, :, :half] == shown(video, guide)[:, :, :half]).all()


def test_a_mask_is_one_or_the_other():
    mask = np.array([[[0, 127, 128, 255]]], np.uint8)
    assert edited(mask).tolist() == [[[[0], [0], [1], [1]]]]
