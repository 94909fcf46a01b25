"""The reader on clips that were drawn, so that what they show is known."""

from random import Random

import pytest

from training.measure import prompt_set
from training.mp4 import through_mp4
from training.pictures import draw_clip
from training.reader import read, same_motion
from training.shapes import held_out


@pytest.mark.parametrize(
    ("frames", "size", "least"),
    [(17, (96, 96), 0.89), (9, (64, 64), 0.84), (33, (64, 96), 0.85)],
)
def test_reads_drawn_clips_through_mp4(frames, size, least):
    """An MP4 halves the color's resolution, which costs a small picture's edges the most."""
    rng = Random(5)
    for labels in prompt_set(32):
        clip, _ = draw_clip(labels, rng, frames, size)
        assert read(clip).fit > 0.97
        reading = read(through_mp4(clip))
        assert (reading.color, reading.background) == (labels.color, labels.background)
        assert reading.shape == labels.shape
        assert same_motion(labels.motion, reading.motion, labels.shape)
        assert reading.fit > least


def test_a_spinning_circle_stands_still():
    assert same_motion("spinning", "standing still", "circle")
    assert not same_motion("spinning", "standing still", "square")
    assert not same_motion("growing", "standing still", "circle")


def test_prompt_set_is_even_and_half_held_out():
    labels = prompt_set(160)
    assert len(set(labels)) == 160
    assert sum(held_out(one) for one in labels) == 80
    for word in ("color", "shape", "motion", "background"):
        values = [getattr(one, word) for one in labels]
        counts = [values.count(v) for v in set(values)]
        assert max(counts) - min(counts) <= 4


def test_mp4_keeps_count_and_size():
    clip, _ = draw_clip(prompt_set(2)[0], Random(0), 9, (64, 96))
    again = through_mp4(clip)
    assert again.shape == clip.shape
    assert (again - clip).abs().mean() < 0.03
