"""Drawing: sizes, anti-aliasing, poses, and what is kept out of training."""

import itertools
from random import Random

import pytest
import torch

from training.pictures import draw_clip
from training.shapes import (
    BACKGROUNDS,
    COLORS,
    MOTIONS,
    SHAPES,
    Labels,
    clip_times,
    held_out,
    poses,
    random_labels,
    random_path,
)


@pytest.mark.parametrize("shape", SHAPES)
def test_draws_the_color_on_the_background(shape):
    labels = Labels("red", shape, "standing still", "sand")
    frames, outline = draw_clip(labels, Random(0), 5, (64, 96))
    assert frames.shape == (5, 3, 64, 96)
    inside, outside = outline < -1, outline > 1
    pixels = frames.transpose(0, 1)
    red, sand = torch.tensor(COLORS["red"]) / 255, torch.tensor(BACKGROUNDS["sand"]) / 255
    assert torch.allclose(pixels[:, inside].mean(1), red, atol=1e-4)
    assert torch.allclose(pixels[:, outside].mean(1), sand, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_edges_are_anti_aliased(shape):
    labels = Labels("white", shape, "standing still", "black")
    frames, outline = draw_clip(labels, Random(1), 1, (96, 96))
    edge = frames[0, 0][outline[0].abs() < 0.4]
    assert ((edge > 0.1) & (edge < 0.9)).float().mean() > 0.8


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("size", [(64, 64), (128, 80), (80, 128)])
def test_the_shape_stays_inside_the_frame(motion, size):
    for seed, shape in enumerate(SHAPES):
        labels = Labels("cyan", shape, motion, "navy")
        _, outline = draw_clip(labels, Random(seed), 9, size)
        border = torch.cat([outline[:, 0], outline[:, -1]], 1)
        assert border.min() > 0
        assert outline[:, :, [0, -1]].min() > 0


def test_motion_covers_a_third_of_the_frame_whatever_its_length():
    labels = Labels("blue", "square", "moving left", "gray")
    for frames in (9, 33):
        path = random_path(labels, Random(3), 96, 96)
        x, y, _, _ = poses(path, clip_times(frames), 96)
        assert x[0] - x[-1] > 30
        assert torch.allclose(y, y[0].expand_as(y))


def test_held_out_share_is_an_eighth_and_touches_every_word():
    triples = [Labels(*words, "black") for words in itertools.product(COLORS, SHAPES, MOTIONS)]
    kept = [one for one in triples if held_out(one)]
    assert len(kept) == 32
    assert {one.color for one in kept} == set(COLORS)
    assert {one.motion for one in kept} == set(MOTIONS)
    assert {one.shape for one in kept} == set(SHAPES)


def test_training_never_sees_a_held_out_triple():
    rng = Random(0)
    assert not any(held_out(random_labels(rng)) for _ in range(500))
