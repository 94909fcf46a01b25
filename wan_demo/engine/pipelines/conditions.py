"""What image_to_video makes of its pictures, kept for the next job with the same ones."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor

from wan_demo.domain.request import GenerationRequest
from wan_demo.engine.base import Inputs
from wan_demo.engine.pipelines.load import Loaded
from wan_demo.engine.pipelines.remembered import Remembered, precision


def remember(
    pipe: Any, model: Loaded, request: GenerationRequest, inputs: Inputs, remembered: Remembered
) -> None:
    """Let one ``WanImageToVideoPipeline`` look up what it would encode of ``inputs``.

    Its arguments have no place for either: it refuses ``image_embeds`` beside ``image``, and
    encodes the picture in the middle of ``prepare_latents``, a clip of it and blank frames. So
    these two methods are wrapped.
    """
    pictures = _digest(inputs)
    _remember_embedding(pipe, (model.spec.id, model.revision, pictures), remembered)
    how = (model.spec.id, model.revision, request.num_frames, pictures)
    _remember_condition(pipe, how, remembered)


def _remember_embedding(pipe: Any, key: tuple[Any, ...], remembered: Remembered) -> None:
    """The image encoder's part; Wan2.2 has none."""
    if pipe.image_encoder is None:
        return
    encode, full = pipe.encode_image, ("image", precision(pipe.image_encoder), *key)

    def encode_image(image: Any, device: torch.device) -> torch.Tensor:
        return remembered.get(full, lambda: (encode(image, device),), device)[0]

    pipe.encode_image = encode_image


def _remember_condition(pipe: Any, key: tuple[Any, ...], remembered: Remembered) -> None:
    """The VAE's part: everything that ``prepare_latents`` returns behind the noise."""
    prepare, full = pipe.prepare_latents, ("condition", *_vae(pipe.vae), *key)

    def prepare_latents(image: Any, *given: Any) -> tuple[torch.Tensor, ...]:
        batch, channels, _, _, _, dtype, device, generator, *_ = given
        drawn: list[torch.Tensor] = []

        def make() -> tuple[torch.Tensor, ...]:
            noise, *condition = prepare(image, *given)
            drawn.append(noise)
            return tuple(condition)

        condition = remembered.get(full, make, device)
        if not drawn:  # the noise alone, as it would have been drawn
            shape = (batch, channels, *condition[-1].shape[2:])
            drawn.append(randn_tensor(shape, generator, device, dtype))
        return (drawn[0], *condition)

    pipe.prepare_latents = prepare_latents


def _vae(vae: Any) -> tuple[str, bool]:
    """Overlapping tiles give other latents than the whole."""
    return precision(vae), bool(getattr(vae, "use_tiling", False))


def _digest(inputs: Inputs) -> str:
    """Of the pictures' pixels and sizes."""
    digest = hashlib.sha256()
    for picture in (inputs.image, inputs.last_image):
        if picture is not None:
            digest.update(repr(picture.shape).encode())
            digest.update(picture.tobytes())
    return digest.hexdigest()
