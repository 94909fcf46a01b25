"""Tensors kept from one job to the next."""

from __future__ import annotations

import torch

from wan_demo.engine.pipelines.remembered import Remembered, precision

CPU = torch.device("cpu")
FOUR_BYTES = torch.ones(1)


def test_what_was_not_used_longest_goes_first():
    remembered, made = Remembered(most_bytes=8, most=9), []

    def ask(key: str) -> None:
        remembered.get(key, lambda: (made.append(key) or FOUR_BYTES,), CPU)

    for key in ("a", "b", "a", "c", "a", "b"):
        ask(key)
    assert made == ["a", "b", "c", "b"]
    assert remembered.bytes == 8


def test_of_what_is_small_no_more_is_kept_than_so_many():
    remembered, made = Remembered(most_bytes=800, most=2), []
    for key in ("a", "b", "c", "b", "c", "a"):
        remembered.get(key, lambda key=key: (made.append(key) or FOUR_BYTES,), CPU)
    assert made == ["a", "b", "c", "a"]
    assert remembered.bytes == 8


def test_what_is_larger_than_all_room_is_handed_on_and_pushes_nothing_out():
    remembered = Remembered(most_bytes=8, most=9)
    remembered.get("small", lambda: (FOUR_BYTES,), CPU)
    (large,) = remembered.get("large", lambda: (torch.ones(9),), CPU)
    assert large.shape == (9,)
    assert remembered.bytes == 4


def test_the_precision_of_weights_is_part_of_what_they_are():
    layer = torch.nn.Linear(2, 2)
    whole = precision(layer)
    assert precision(layer.half()) != whole
