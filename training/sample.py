"""The one place where the measurements call a pipeline; the app's engine can take its place."""

# diffusers annotates loosely and exports lazily.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers import WanImageToVideoPipeline, WanPipeline, WanVideoToVideoPipeline
from PIL import Image
from torch import Tensor

from training.tokenizer import MAX_LENGTH
from wan_demo import catalog

_APP = catalog.BUNDLED.defaults


@dataclass(frozen=True)
class Settings:
    """How clips are sampled; the defaults are the app's own."""

    height: int = _APP.size[1]
    width: int = _APP.size[0]
    num_frames: int = _APP.num_frames
    num_inference_steps: int = _APP.num_inference_steps
    guidance_scale: float = _APP.guidance_scale
    strength: float = _APP.strength
    flow_shift: float = catalog.BUNDLED.resolutions[0].flow_shift


class Sampler:
    """Makes clips (T, 3, H, W) in [0, 1] with the three pipelines on shared components."""

    def __init__(self, pipeline: WanPipeline) -> None:
        pipeline.set_progress_bar_config(disable=True)
        self.text = pipeline
        parts = {k: pipeline.components[k] for k in ("tokenizer", "text_encoder", "vae")}
        parts |= {k: pipeline.components[k] for k in ("scheduler", "transformer")}
        self.image = WanImageToVideoPipeline(**parts, expand_timesteps=True)
        self.video = WanVideoToVideoPipeline(**parts)
        for other in (self.image, self.video):
            other.set_progress_bar_config(disable=True)

    def from_text(
        self, prompts: Sequence[str], seeds: Sequence[int], how: Settings
    ) -> list[Tensor]:
        """One clip for each prompt and seed, in one batch."""
        self._shift(how)
        frames = self.text(
            prompt=list(prompts),
            height=how.height,
            width=how.width,
            num_frames=how.num_frames,
            generator=_generators(seeds),
            **_common(how),
        ).frames
        return list(frames)

    def from_image(self, prompt: str, image: Tensor, seed: int, how: Settings) -> Tensor:
        """A clip that starts at `image` (3, H, W) in [0, 1]."""
        self._shift(how)
        frames = self.image(
            image=to_pil(image),
            prompt=prompt,
            height=image.shape[1],
            width=image.shape[2],
            num_frames=how.num_frames,
            generator=_generators([seed])[0],
            **_common(how),
        ).frames
        return frames[0]

    def from_video(self, prompt: str, clip: Tensor, seed: int, how: Settings) -> Tensor:
        """`clip` (T, 3, H, W) in [0, 1] made anew after `prompt`."""
        self._shift(how)
        frames = self.video(
            video=[to_pil(frame) for frame in clip],
            prompt=prompt,
            height=clip.shape[2],
            width=clip.shape[3],
            strength=how.strength,
            generator=_generators([seed])[0],
            **_common(how),
        ).frames
        return frames[0]

    def _shift(self, how: Settings) -> None:
        """A fresh scheduler, since schedulers keep state between calls."""
        config = dict(self.text.scheduler.config) | {"flow_shift": how.flow_shift}
        scheduler = type(self.text.scheduler).from_config(config)
        for pipeline in (self.text, self.image, self.video):
            pipeline.scheduler = scheduler


def _common(how: Settings) -> dict[str, object]:
    return {
        "num_inference_steps": how.num_inference_steps,
        "guidance_scale": how.guidance_scale,
        "max_sequence_length": MAX_LENGTH,
        "output_type": "pt",
    }


def _generators(seeds: Sequence[int]) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def to_pil(image: Tensor) -> Image.Image:
    """(3, H, W) in [0, 1] to a PIL image."""
    return Image.fromarray((image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())
