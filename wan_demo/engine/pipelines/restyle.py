"""A video edited by a text-to-video model: its parts put together for ``wan_demo.engine.edit``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from diffusers.utils.torch_utils import get_module_execution_device, randn_tensor

from wan_demo.domain.edit import Colors, Method
from wan_demo.domain.events import Frames
from wan_demo.domain.request import GenerationRequest
from wan_demo.domain.windows import latent_frames
from wan_demo.engine.base import Inputs
from wan_demo.engine.edit import pixels
from wan_demo.engine.edit.flow import Expert, Flow
from wan_demo.engine.edit.flow_edit import Extent, flow_edit
from wan_demo.engine.edit.region import latent_mask
from wan_demo.engine.edit.renoise import OnStep, renoise
from wan_demo.engine.latents import encode
from wan_demo.engine.pipelines.load import Loaded
from wan_demo.engine.pipelines.prompts import Embedded
from wan_demo.engine.pipelines.remembered import Remembered, precision
from wan_demo.engine.pipelines.schedulers import TRAIN_STEPS
from wan_demo.errors import GenerationFailed


@torch.no_grad()
def restyle(
    model: Loaded,
    request: GenerationRequest,
    inputs: Inputs,
    said: Embedded,
    scheduler: Any,
    remembered: Remembered,
    on_step: OnStep,
    on_window: Callable[[], None] = lambda: None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The edit by the request's method and its source: (1, channels, frames, height, width) both,
    normalised."""
    video = video_of(inputs)
    source = _source(model, video, remembered)
    scheduler.set_timesteps(request.num_inference_steps, device=source.device)
    generator = torch.Generator("cpu").manual_seed(request.seed)
    total = request.effective_steps

    def draw() -> torch.Tensor:
        return randn_tensor(source.shape, generator, source.device, source.dtype)

    def prompt(index: int) -> torch.Tensor:
        return said.at(index, total)

    mask = None if inputs.mask is None else latent_mask(inputs.mask, source)
    flow = _flow(model, request, said, 1.0, on_window)
    if request.method is Method.FLOW_EDIT:
        assert said.source is not None
        assert request.source_guidance_scale is not None
        hold = request.source_guidance_scale / request.guidance_scale
        extent = Extent(total, request.n_min or 0, request.n_avg or 1)
        present = _flow(model, request, said, hold, on_window)
        prompts = (present, said.source, flow, prompt)
        latents = flow_edit(source, draw, scheduler, extent, *prompts, mask, on_step)
    else:
        latents = renoise(source, draw(), scheduler, total, flow, prompt, mask, on_step)
    return latents, source


def finish(
    made: Frames, request: GenerationRequest, inputs: Inputs, decode: Callable[[], Frames | None]
) -> Frames:
    """An edit's frames with what is the source's own: details, colors, all outside the mask.

    ``decode`` gives the source through the VAE, or None where memory does not suffice.
    """
    video = video_of(inputs)
    if request.method is Method.FLOW_EDIT:
        if (decoded := decode()) is not None:
            made = pixels.give_back(made, decoded, video)
        made = pixels.steady(made, video)
    if request.colors is Colors.SOURCE:
        made = pixels.match_colors(made, video)
    return made if inputs.mask is None else pixels.paste(made, video, inputs.mask)


def video_of(inputs: Inputs) -> Frames:
    """The source's frames."""
    if inputs.video is None:
        raise GenerationFailed("The request's medium was not read.")
    return inputs.video


def _source(model: Loaded, video: Frames, remembered: Remembered) -> torch.Tensor:
    """The source's latents, where the transformer computes."""
    vae = model.parts["vae"]
    device = get_module_execution_device(model.parts["transformer"])
    digest = hashlib.sha256(video.tobytes()).hexdigest()
    key = ("video", precision(vae), vae.use_tiling, model.revision, video.shape, digest)
    make = lambda: (encode(vae, video, get_module_execution_device(vae)),)  # noqa: E731
    return remembered.get(key, make, device)[0]


def _flow(
    model: Loaded,
    request: GenerationRequest,
    said: Embedded,
    hold: float,
    on_window: Callable[[], None],
) -> Flow:
    """The model's flow, guided ``hold`` times as strongly as the request says."""
    spec, parts = model.spec, model.parts
    high = request.guidance_scale * hold
    low = (request.guidance_scale_2 or request.guidance_scale) * hold
    second = parts.get("transformer_2")
    return Flow(
        Expert(_predict(parts["transformer"]), high),
        said.negative,
        latent_frames(spec.limits.max_frames),
        Expert(_predict(second), low if high > 1 else 1.0) if second is not None else None,
        (spec.boundary_ratio or 0.0) * TRAIN_STEPS,
        on_window,
    )


def _predict(transformer: Any) -> Callable[..., torch.Tensor]:
    def predict(
        latents: torch.Tensor, timestep: torch.Tensor, prompt: torch.Tensor
    ) -> torch.Tensor:
        return transformer(
            hidden_states=latents.to(transformer.dtype),
            timestep=timestep.expand(latents.shape[0]),
            encoder_hidden_states=prompt.to(transformer.dtype),
            return_dict=False,
        )[0]

    return predict
