"""How each of diffusers' Wan pipelines is built over shared parts, and called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from diffusers import (
    WanImageToVideoPipeline,
    WanPipeline,
    WanVACEPipeline,
)
from PIL import Image

from wan_demo.domain.architecture import Call
from wan_demo.domain.edit import Guide
from wan_demo.domain.events import Frames
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest
from wan_demo.engine import guides
from wan_demo.engine.base import Inputs
from wan_demo.errors import GenerationFailed

Arguments = dict[str, Any]
_EXPERTS = ("tokenizer", "text_encoder", "vae", "transformer", "transformer_2")
_IMAGE = (*_EXPERTS, "image_encoder", "image_processor")


@dataclass(frozen=True)
class Adapter:
    """One pipeline: its class, the parts that it takes, its options, and its own arguments."""

    pipeline: type[Any]
    parts: tuple[str, ...]
    options: Callable[[ModelSpec], Arguments]
    arguments: Callable[[GenerationRequest, Inputs], Arguments]

    def build(self, spec: ModelSpec, parts: Mapping[str, Any], scheduler: Any) -> Any:
        """A pipeline over ``parts``, with a scheduler of its own."""
        mine = {name: parts[name] for name in self.parts if name in parts}
        pipe = self.pipeline(**mine, scheduler=scheduler, **self.options(spec))
        pipe.set_progress_bar_config(disable=True)
        return pipe


def arguments(request: GenerationRequest, inputs: Inputs, spec: ModelSpec) -> Arguments:
    """What the task's pipeline is called with, besides prompts, seed and callbacks."""
    common: Arguments = {
        "width": request.width,
        "height": request.height,
        "num_inference_steps": request.num_inference_steps,
        "guidance_scale": request.guidance_scale,
    }
    if spec.boundary_ratio is not None:
        common["guidance_scale_2"] = request.guidance_scale_2
    return common | ADAPTERS[spec.calls[request.task]].arguments(request, inputs)


def _boundary(spec: ModelSpec) -> Arguments:
    return {"boundary_ratio": spec.boundary_ratio}


def _boundary_and_timesteps(spec: ModelSpec) -> Arguments:
    return _boundary(spec) | {"expand_timesteps": spec.first_frame_by_timestep}


def _text(request: GenerationRequest, _inputs: Inputs) -> Arguments:
    return {"num_frames": request.num_frames}


def _image(request: GenerationRequest, inputs: Inputs) -> Arguments:
    return {"num_frames": request.num_frames, "image": _images(inputs.image)[0]}


def _first_last(request: GenerationRequest, inputs: Inputs) -> Arguments:
    return _image(request, inputs) | {"last_image": _images(inputs.last_image)[0]}


def _control_text(request: GenerationRequest, inputs: Inputs) -> Arguments:
    """The pictures have the clip's size, so that the pipeline has nothing to fit."""
    pictures = [picture for each in inputs.references for picture in _images(each)]
    scale = 1.0 if request.conditioning_scale is None else request.conditioning_scale
    return {
        "num_frames": request.num_frames,
        "reference_images": pictures or None,
        "conditioning_scale": scale,
    }


def _control(request: GenerationRequest, inputs: Inputs) -> Arguments:
    """Arrays of one clip, whose levels may lie between those of a picture."""
    source, mask = _read(inputs.video), inputs.mask
    edited = {} if mask is None else {"mask": guides.edited(mask)[None]}
    return _control_text(request, inputs) | {
        "video": guides.shown(source, request.guide or Guide.VIDEO, mask)[None],
        **edited,
    }


def _images(frames: Frames | None) -> list[Image.Image]:
    return [Image.fromarray(frame) for frame in _read(frames)]


def _read(frames: Frames | None) -> Frames:
    if frames is None:
        raise GenerationFailed("The request's medium was not read.")
    return frames


ADAPTERS: Mapping[Call, Adapter] = {
    # Text alone gives all tokens one timestep, so that expand_timesteps would change nothing
    # and cost memory.
    Call.TEXT: Adapter(WanPipeline, _EXPERTS, _boundary, _text),
    Call.IMAGE: Adapter(WanImageToVideoPipeline, _IMAGE, _boundary_and_timesteps, _image),
    Call.FIRST_LAST: Adapter(WanImageToVideoPipeline, _IMAGE, _boundary_and_timesteps, _first_last),
    Call.CONTROL: Adapter(WanVACEPipeline, _EXPERTS, _boundary, _control),
    Call.CONTROL_TEXT: Adapter(WanVACEPipeline, _EXPERTS, _boundary, _control_text),
}
