"""VACE over clips that are longer than what the model sees at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from wan_demo.engine.edit.windowed import Frames, in_windows


def windowed(
    parts: Mapping[str, Any], window: int, given: int, on_window: Callable[[], None]
) -> dict[str, Any]:
    """The parts for one ``WanVACEPipeline`` whose transformers see ``window`` latent frames of
    the clip at once, and with them the ``given`` ones of the reference pictures before it.

    So the pipeline's own steps serve one window and several: what it is to follow is encoded once,
    and each window gets its slice of it, as of the masks. For one window nothing differs.
    ``on_window`` is called each time that one was seen, and may raise.
    """
    seeing = {
        name: _Windowed(part, window, given, on_window)
        for name, part in parts.items()
        if name.startswith("transformer")
    }
    return {**parts, **seeing}


class _Windowed(torch.nn.Module):
    """A ``WanVACETransformer3DModel`` to its pipeline, which asks it for more than its call."""

    def __init__(
        self, transformer: torch.nn.Module, window: int, given: int, on_window: Callable[[], None]
    ) -> None:
        super().__init__()
        self.transformer = transformer
        self._window = window
        self._given = given
        self._on_window = on_window

    def forward(
        self, hidden_states: torch.Tensor, control_hidden_states: torch.Tensor, **others: Any
    ) -> tuple[torch.Tensor]:
        """The flow, in the 1-tuple that comes of ``return_dict=False``."""

        def see(frames: Frames) -> torch.Tensor:
            flow = self.transformer(
                hidden_states=hidden_states[:, :, frames],
                control_hidden_states=control_hidden_states[:, :, frames],
                **others,
            )[0]
            self._on_window()
            return flow

        return (in_windows(see, hidden_states, self._window, self._given),)

    def __getattr__(self, name: str) -> Any:
        """Its config, dtype, hooks and caches are the transformer's."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("transformer"), name)
