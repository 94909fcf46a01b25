"""Tensors that are worth keeping from one job to the next: embeddings, encoded pictures."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

import torch

Tensors = tuple[torch.Tensor, ...]


class Remembered:
    """Tensors by key: at most ``most`` keys and ``most_bytes``. The longest unused goes first.

    They are kept in RAM, whatever device made them. A key must name all that decides the bits:
    the weights by their revision and ``precision``, and the input by its content.
    """

    def __init__(self, most_bytes: int, most: int) -> None:
        self._most_bytes = most_bytes
        self._most = most
        self._kept: OrderedDict[Hashable, Tensors] = OrderedDict()

    @property
    def bytes(self) -> int:
        """What is kept."""
        return sum(_bytes(tensors) for tensors in self._kept.values())

    def get(self, key: Hashable, make: Callable[[], Tensors], device: torch.device) -> Tensors:
        """What is kept under ``key``, else what ``make`` makes, on ``device``."""
        if key in self._kept:
            self._kept.move_to_end(key)
            found = self._kept[key]
        else:
            found = make()
            self._keep(key, found)
        return tuple(tensor.to(device) for tensor in found)

    def _keep(self, key: Hashable, made: Tensors) -> None:
        if _bytes(made) > self._most_bytes:
            return
        self._kept[key] = tuple(tensor.detach().cpu() for tensor in made)
        while len(self._kept) > self._most or self.bytes > self._most_bytes:
            self._kept.popitem(last=False)


def precision(part: torch.nn.Module) -> str:
    """What a part's weights are kept in: the same files in another precision give other bits."""
    kinds = {f"{type(tensor.data).__name__} {tensor.dtype}" for tensor in part.parameters()}
    return ", ".join(sorted(kinds))


def _bytes(tensors: Tensors) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
