from __future__ import annotations

import numpy as np
import pytest

from wan_demo.engine.edit.pixels import give_back, go_on, match_colors, paste, soft, steady

RANDOM = np.random.default_rng(0)


def noise(*shape: int) -> np.ndarray:
    return RANDOM.integers(40, 215, shape, dtype=np.uint8)


def test_what_was_not_edited_is_the_source_itself():
    source = noise(2, 16, 16, 3)
    decoded = np.clip(source.astype(int) + RANDOM.integers(-8, 9, source.shape), 0, 255)
    decoded = decoded.astype(np.uint8)
    made = decoded.copy()
    made[:, :8] = 255 - decoded[:, :8] // 4  # far from what was there
    given = give_back(made, decoded, source)
    assert np.array_equal(given[:, 8:], source[:, 8:])
    assert np.abs(given[:, :8].astype(int) - made[:, :8]).max() <= 1


def test_where_the_source_stands_still_the_edit_does_not_shimmer():
    source = np.repeat(noise(1, 8, 8, 3), 21, axis=0)
    made = np.repeat(noise(1, 8, 8, 3), 21, axis=0)
    made[9:13] += 8  # one latent frame, a little lighter
    before, after = (
        np.abs(np.diff(each.astype(int), axis=0)) for each in (made, steady(made, source))
    )
    assert before.max() == 8
    assert after.max() <= 3


@pytest.mark.parametrize("moves", ["the source", "the edit"])
def test_what_moves_is_not_smeared(moves):
    still, moving = moved(*[2] * 12), moved(*range(0, 24, 2))
    source, made = (moving, still) if moves == "the source" else (still, moving)
    assert np.abs(steady(made, source).astype(int) - made).max() <= 1


def test_colors_become_those_of_the_source():
    source = (noise(2, 32, 32, 3) * [1.0, 0.6, 0.4]).astype(np.uint8)
    made = (noise(2, 32, 32, 3) * [0.3, 0.5, 0.9]).astype(np.uint8)
    matched = match_colors(made, source)
    for index in range(2):
        assert matched[index].mean((0, 1)) == pytest.approx(source[index].mean((0, 1)), abs=1)
        assert matched[index].std((0, 1)) == pytest.approx(source[index].std((0, 1)), abs=1.5)


def test_a_picture_of_one_color_is_matched_too():
    flat = np.full((1, 8, 8, 3), 90, dtype=np.uint8)
    assert np.array_equal(match_colors(flat, flat + 10), flat + 10)


def moved(*lefts: int) -> np.ndarray:
    """A red square over grain, some way from the left in each frame."""
    grain = np.random.default_rng(1).integers(20, 40, (32, 32, 3), np.uint8)
    frames = np.repeat(grain[None], len(lefts), axis=0)
    for frame, left in zip(frames, lefts, strict=True):
        frame[12:20, left : left + 8] = (200, 40, 40)
    return frames


def test_what_goes_on_from_a_picture_has_its_colors_and_its_details():
    true = moved(2, 3, 16)
    made = (true * 0.85 + [12, 15, 20]).round().astype(np.uint8)
    made = made + np.random.default_rng(2).integers(0, 3, made.shape, np.uint8)
    joined = go_on(made, true[0]).astype(int)
    assert np.array_equal(joined[0], true[0])
    assert np.abs(joined[:, 24:] - true[:, 24:]).max() <= 3
    assert np.abs(joined - true).max() <= 6


@pytest.mark.parametrize("level", [0, 90, 255])
def test_after_a_picture_of_one_color_new_shapes_keep_their_contrast(level):
    last = np.full((32, 32, 3), level, np.uint8)
    made = np.clip(np.repeat(last[None], 2, axis=0).astype(int) + 8, 0, 240).astype(np.uint8)
    made[1, 8:16, 8:16] = (120, 200, 60)
    joined = go_on(made, last).astype(int)
    assert np.abs(joined[:, 20:] - level).max() <= 1
    assert np.abs(joined[1, 8:16, 8:16] - (120, 200, 60)).max() <= 16


def test_outside_the_mask_every_pixel_is_the_sources():
    source, made = noise(3, 32, 32, 3), noise(3, 32, 32, 3)
    mask = np.zeros((3, 32, 32), dtype=np.uint8)
    mask[:, 8:24, 8:24] = 255
    mask[2] = 0
    pasted = paste(made, source, mask)
    assert np.array_equal(pasted[mask == 0], source[mask == 0])
    assert np.array_equal(pasted[:2, 12:20, 12:20], made[:2, 12:20, 12:20])


def test_the_edge_of_a_mask_is_soft_inside_it():
    mask = np.zeros((40, 40), dtype=np.uint8)
    mask[:, 20:] = 255
    row = soft(mask, 3.0)[20]
    assert not row[:20].any()
    assert (np.diff(row[20:]) >= 0).all()
    assert row[20] < 0.3 < row[30]
    assert row[30] == 1
