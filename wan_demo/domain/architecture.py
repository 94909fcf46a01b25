"""What a checkpoint is made of, as the configs of its parts: data that needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from wan_demo.domain.edit import Method

Config = Mapping[str, Any]
"""The keyword arguments of a model class, as its ``config.json`` holds them."""


class Call(StrEnum):
    """Which of diffusers' pipelines does a task, and how it is called.

    The engine has one adapter for each (``wan_demo.engine.pipelines.calls``).
    """

    TEXT = "text"
    """``WanPipeline``: from noise."""
    IMAGE = "image"
    """``WanImageToVideoPipeline``: ``image`` becomes the first frame."""
    FIRST_LAST = "first_last"
    """The same with ``last_image``: the clip leads from one picture to the other."""
    RESTYLE = "restyle"
    """The app's own sampler over what ``TEXT`` calls: ``wan_demo.engine.edit``."""
    CONTROL = "control"
    """``WanVACEPipeline``: the video guides every step."""
    CONTROL_TEXT = "control_text"
    """The same with nothing to guide it: from noise."""


MEDIA: Mapping[Call, tuple[str, ...]] = {
    Call.TEXT: (),
    Call.IMAGE: ("image",),
    Call.FIRST_LAST: ("image", "last_image"),
    Call.RESTYLE: ("video",),
    Call.CONTROL: ("video",),
    Call.CONTROL_TEXT: (),
}
"""The fields of the request that hold what a call starts from; all of them are needed."""

_SOURCE = ("method", "mask", "trim_start", "trim_end", "speed", "direction", "sound", "colors")

KNOBS: Mapping[Call, tuple[str, ...]] = {
    Call.IMAGE: ("fit",),
    Call.FIRST_LAST: ("fit",),
    Call.RESTYLE: (
        *("strength", "source_prompt", "source_guidance_scale", "n_min", "n_avg", "fit"),
        *_SOURCE,
    ),
    Call.CONTROL: ("conditioning_scale", "guide", "reference_images", "fit", *_SOURCE),
    Call.CONTROL_TEXT: ("conditioning_scale", "reference_images"),
}
"""The fields of the request that only these calls take."""


METHODS: Mapping[Call, tuple[Method, ...]] = {
    Call.RESTYLE: (Method.RENOISE, Method.FLOW_EDIT),
    Call.CONTROL: (Method.VACE,),
}
"""How a call may edit a video, the usual way first."""


@dataclass(frozen=True)
class LatentColors:
    """A linear map from latents to RGB: a rough picture at next to no cost.

    ``factors``: the red, green and blue that one unit of each latent channel adds; ``bias``: the
    color of a latent of zeros. Colors run from -1 (black) to 1.
    """

    factors: tuple[tuple[float, float, float], ...]
    bias: tuple[float, float, float]


@dataclass(frozen=True)
class Architecture:
    """The classes and configs of a checkpoint's parts, in the words of diffusers.

    ``transformer_class`` is a class of diffusers; ``experts`` are 2 where a second transformer of
    the same config takes the steps below ``boundary_ratio`` (Wan2.2 A14B).
    """

    transformer_class: str
    transformer: Config
    vae: Config
    text_encoder: Config
    parameters: Mapping[str, int]
    """How many numbers each weight-bearing part holds, by the names in ``parts``."""
    image_encoder: Config | None = None
    experts: int = 1
    latent_colors: LatentColors | None = None
    """How previews are drawn; None: by the VAE itself, where that is cheap."""

    @property
    def latent_channels(self) -> int:
        """Channels of the VAE's latents: 16 for Wan2.1, 48 for Wan2.2's TI2V."""
        return int(self.vae["z_dim"])

    @property
    def parts(self) -> tuple[str, ...]:
        """The weight-bearing folders of its diffusers form, in the order in which they are used."""
        image = ("image_encoder",) if self.image_encoder else ()
        second = ("transformer_2",) if self.experts == 2 else ()
        return ("text_encoder", *image, "transformer", *second, "vae")
