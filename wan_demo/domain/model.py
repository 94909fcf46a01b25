"""What a model is, as data: the catalogue is made of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from wan_demo.domain.request import Task

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Limits:
    """What a model can make; sides in pixels, areas in square pixels, frames are 4k+1."""

    min_side: int
    max_side: int
    max_area: int
    size_multiple: int
    min_frames: int
    max_frames: int
    max_steps: int = 100


@dataclass(frozen=True)
class Defaults:
    """What a model is run with unless the person says otherwise."""

    size: Size
    num_frames: int
    fps: int
    num_inference_steps: int
    guidance_scale: float
    strength: float = 0.8
    negative_prompt: str = ""


@dataclass(frozen=True)
class Preset:
    """A named trade of time for quality: overrides of the defaults."""

    name: str
    hint: str
    overrides: Mapping[str, int | float]


@dataclass(frozen=True)
class Example:
    """A prompt that works, and the file of ``assets/examples`` that it goes with."""

    prompt: str
    medium: str | None = None


@dataclass(frozen=True)
class Vocabulary:
    """The words that a model was trained on, for models that know only a few.

    ``words`` are in lower case, Chinese ones character by character; ``summary`` says what can
    be asked for, as the end of the sentence "It knows ..."; ``better_model`` is the title of a
    model that knows more.
    """

    words: frozenset[str]
    summary: str
    better_model: str


@dataclass(frozen=True)
class ModelSpec:
    """One checkpoint: where it is, what it can do, and how it is run by default."""

    id: str
    title: str
    summary: str
    licence: str
    source: str
    """A hub repo id, or a folder below ``assets/`` for a bundled model."""
    bundled: bool
    tasks: tuple[Task, ...]
    limits: Limits
    defaults: Defaults
    sizes: Mapping[str, Size]
    presets: tuple[Preset, ...]
    flow_shift: float
    max_sequence_length: int
    weight_bytes: int
    """Parameters times two (bf16): the least that a download is; 0 for a bundled model."""
    gpu_bytes: int
    """GPU memory that a run needs with everything resident; 0 where no GPU is needed."""
    decode_passes: int = 6
    """The VAE's part of a clip, in passes of the transformer over it.

    For the official models: at 832x480x81 the decoder of Wan2.1 1.3B needs as many operations as
    one pass of its transformer (2.8e14, by torch's FlopCounterMode), in fp32 instead of bf16, and
    the encoder comes on top.
    """
    seconds_per_work: float | None = None
    """Time per unit of ``wan_demo.domain.estimate.work`` before any clip was made here."""
    first_frame_by_timestep: bool = False
    """The Wan2.2-TI2V way of image_to_video: the first latent frame clean at timestep 0."""
    vocabulary: Vocabulary | None = None
    examples: Mapping[Task, tuple[Example, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
