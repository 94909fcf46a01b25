"""The steps of one clip: a request to latents, told step by step."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import torch

from wan_demo.domain.architecture import Call
from wan_demo.domain.edit import Method
from wan_demo.domain.events import Frames, Pass, Step
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest
from wan_demo.domain.windows import latent_frames
from wan_demo.engine import preview
from wan_demo.engine.base import Inputs
from wan_demo.engine.pipelines import conditions
from wan_demo.engine.pipelines.calls import ADAPTERS, arguments
from wan_demo.engine.pipelines.load import Loaded
from wan_demo.engine.pipelines.prompts import Embedded, embed
from wan_demo.engine.pipelines.remembered import Remembered
from wan_demo.engine.pipelines.restyle import restyle
from wan_demo.engine.pipelines.schedulers import new_scheduler
from wan_demo.engine.pipelines.shortage import is_shortage
from wan_demo.engine.pipelines.windowed import windowed
from wan_demo.engine.stream import Emit
from wan_demo.errors import GenerationFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Denoised:
    """A clip's latents (1, channels, frames, height, width), normalised; for an edit by a
    text-to-video model those of its source too."""

    latents: torch.Tensor
    source: torch.Tensor | None = None


def denoise(
    model: Loaded, request: GenerationRequest, inputs: Inputs, remembered: Remembered, emit: Emit
) -> Denoised:
    """The latents of a request. Raises GenerationFailed, and Closed once nobody listens."""
    said = embed(model, request, remembered)
    scheduler = new_scheduler(*model.spec.solver(request), request.seed)
    tell = _Teller(model, request, scheduler, emit)
    if model.spec.calls[request.task] is Call.RESTYLE:
        parts = (model, request, inputs, said, scheduler, remembered)
        return Denoised(*restyle(*parts, tell, tell.window))
    return Denoised(_call(model, request, inputs, said, scheduler, remembered, tell))


def _call(
    model: Loaded,
    request: GenerationRequest,
    inputs: Inputs,
    said: Embedded,
    scheduler: Any,
    remembered: Remembered,
    tell: _Teller,
) -> torch.Tensor:
    """Through the pipeline of diffusers that does the task."""
    spec, total = model.spec, request.effective_steps
    call, parts = spec.calls[request.task], model.parts
    if call is Call.CONTROL:
        window = latent_frames(spec.limits.max_frames)
        parts = windowed(parts, window, len(inputs.references), tell.window)
    pipe = ADAPTERS[call].build(spec, parts, scheduler)
    if inputs.image is not None:
        conditions.remember(pipe, model, request, inputs, remembered)

    def on_step_end(_pipe: Any, index: int, _timestep: Any, state: dict[str, Any]) -> Any:
        tell(index, state["latents"])
        coming = said.at(min(index + 1, total - 1), total)
        return {**state, "prompt_embeds": coming.to(state["prompt_embeds"])}

    result = pipe(
        **arguments(request, inputs, spec),
        **said.arguments(),
        generator=torch.Generator("cpu").manual_seed(request.seed),
        output_type="latent",
        callback_on_step_end=on_step_end,
        callback_on_step_end_tensor_inputs=["latents", "prompt_embeds"],
    )
    return result.frames[:, :, len(inputs.references) :]  # VACE makes them again, before the clip


class _Teller:
    """Tells each step, with a picture on some of them."""

    def __init__(
        self, model: Loaded, request: GenerationRequest, scheduler: Any, emit: Emit
    ) -> None:
        starts_clean = model.spec.calls[request.task] is Call.IMAGE
        given = int(starts_clean and model.spec.first_frame_by_timestep)
        given += len(request.reference_images)
        self._clean = preview.CleanLatents(scheduler, given=given)
        self._model = model
        self._request = request
        self._emit = emit

    def __call__(self, index: int, latents: torch.Tensor) -> None:
        """Step ``index``, from 0, is done. Raises GenerationFailed for latents that are none."""
        request, total = self._request, self._request.effective_steps
        if index == 0 or index + 1 == total:
            _refuse_nonsense(self._model.spec, request, latents)
        picture = None
        if preview.is_due(index + 1, total):
            picture = self._picture(latents)
        self._emit(Step(index + 1, total, picture))

    def window(self) -> None:
        """A window of a step was seen: a sign of life, for steps that take many."""
        self._emit(Pass())

    def _picture(self, latents: torch.Tensor) -> Frames | None:
        """A preview, unless it would cost the model its place: it is a courtesy."""
        model, request = self._model, self._request
        is_clean = request.method is Method.FLOW_EDIT  # never goes through noise
        believed = latents if is_clean else self._clean.latest
        colors = model.spec.architecture.latent_colors
        if believed is None or (colors is None and not model.residency.is_at_hand("vae")):
            return None
        size = (request.width, request.height)
        try:
            return preview.render(believed, size, model.parts["vae"], colors)
        except Exception as error:
            if not is_shortage(error):
                raise
            log.warning("out of memory for a preview")
            return None


def _refuse_nonsense(spec: ModelSpec, request: GenerationRequest, latents: torch.Tensor) -> None:
    """Weights that hold NaN make black clips, after an hour or so: said at the first step."""
    if torch.isfinite(latents).all():
        return
    worn = ", ".join(one.name for one in request.loras)
    why = f"{worn} may be too strong for it" if worn else "its weights are damaged"
    raise GenerationFailed(f"{spec.title} made no picture but NaN: {why}.")
