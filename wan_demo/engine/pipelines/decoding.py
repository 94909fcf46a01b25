"""Latents to frames at the end of a run: smaller and smaller, until memory suffices."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from wan_demo.domain.events import Frames
from wan_demo.engine.latents import decode
from wan_demo.engine.pipelines.load import Loaded
from wan_demo.engine.pipelines.residency import CPU
from wan_demo.engine.pipelines.shortage import collect, is_shortage

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Way:
    name: str
    is_tiled: bool
    is_on_cpu: bool = False


def decode_clip(model: Loaded, latents: torch.Tensor) -> tuple[Frames, str] | None:
    """The frames of one clip, and by what way where the rung's own ran out of memory ("" else).

    ``latents``: (1, channels, frames, height, width), normalised; they are kept from one way to
    the next, so that no denoising is repeated. Frames: (frames, height, width, 3). None where
    memory runs out in every way.
    """
    for way in _ways(model):
        try:
            return _decode(model, latents, way), way.name
        except Exception as error:
            if not is_shortage(error):
                raise
            log.warning("out of memory while decoding %s", way.name or model.rung.name)
        model.parts["vae"].clear_cache()
        collect()
    return None


def use_tiles(model: Loaded, is_tiled: bool) -> None:
    """Whether the VAE works in overlapping tiles of 256 pixels."""
    vae = model.parts["vae"]
    if is_tiled:
        vae.enable_tiling()
    else:
        vae.disable_tiling()


def _ways(model: Loaded) -> Iterator[_Way]:
    """The rung's own; in tiles; in tiles on the CPU, which has other memory."""
    yield _Way("", model.rung.vae_tiling)
    if not model.rung.vae_tiling:
        yield _Way("decoded in tiles", is_tiled=True)
    if model.residency.device != CPU:
        yield _Way("decoded on the CPU", is_tiled=True, is_on_cpu=True)


def _decode(model: Loaded, latents: torch.Tensor, way: _Way) -> Frames:
    vae, place = model.parts["vae"], model.residency
    where: AbstractContextManager[None] = (
        place.on_cpu("vae", vae) if way.is_on_cpu else nullcontext()
    )
    use_tiles(model, way.is_tiled)
    with where:
        return decode(vae, latents.to(CPU) if way.is_on_cpu else latents)[0]
