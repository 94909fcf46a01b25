"""What a model is, as data: the catalogue is made of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from wan_demo.domain.architecture import KNOBS, MEDIA, METHODS, Architecture, Call
from wan_demo.domain.edit import Method
from wan_demo.domain.lora import Lora
from wan_demo.domain.request import MAX_FRAMES, GenerationRequest, Task
from wan_demo.domain.source import Source
from wan_demo.domain.template import Template

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
class Edit:
    """What ``Method.FLOW_EDIT`` is run with unless the person says otherwise.

    ``strength`` is n_max over the number of steps, 33 of 50 in the paper's section 5 for Stable
    Diffusion 3. ``guidance_scale`` None: the model's own.
    """

    strength: float = 0.66
    guidance_scale: float | None = None
    source_guidance_scale: float | None = None
    """None: as the guidance."""


@dataclass(frozen=True)
class Defaults:
    """What a model is run with unless the person says otherwise."""

    size: Size
    num_frames: int
    fps: int
    num_inference_steps: int
    guidance_scale: float
    guidance_scale_2: float | None = None
    """Of the second expert, below ``boundary_ratio``; None where there is one expert."""
    strength: float = 0.8
    edit: Edit = Edit()
    conditioning_scale: float = 1.0
    negative_prompt: str = ""


@dataclass(frozen=True)
class Resolution:
    """A class of sizes that a model was made for: its sizes by ratio, and its flow shift."""

    name: str
    flow_shift: float
    sizes: Mapping[str, Size]

    @property
    def area(self) -> int:
        """Square pixels of its first size."""
        width, height = next(iter(self.sizes.values()))
        return width * height


@dataclass(frozen=True)
class Preset:
    """A named trade of time for quality: overrides of the defaults, by the request's fields."""

    name: str
    hint: str
    overrides: Mapping[str, int | float | str | tuple[Lora, ...]]


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
class Weights:
    """Where a checkpoint's files are, on this machine (paths) or on the hub.

    ``base`` is a diffusers folder. ``replaced`` names parts that come from one file instead (GGUF
    or safetensors), ``loras`` parts that get one put on, ``heads`` text-to-video transformers that
    VACE's blocks are put beside; all these sources hold one file each. ``bits``
    is how many the hub stores for each number of a part, where it is not 16: the download is
    reckoned by it.
    ``is_verified`` is False where no public source confirms a repo or its revision.
    """

    base: Source | Path
    replaced: Mapping[str, Source | Path] = field(default_factory=lambda: MappingProxyType({}))
    loras: Mapping[str, Source] = field(default_factory=lambda: MappingProxyType({}))
    heads: Mapping[str, Source | Path] = field(default_factory=lambda: MappingProxyType({}))
    bits: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    is_verified: bool = True

    @property
    def name(self) -> str:
        """The repo, or the folder's name."""
        return self.base.name if isinstance(self.base, Path) else self.base.repo

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that is to be fetched from the hub."""
        places = (self.base, *self.replaced.values(), *self.loras.values(), *self.heads.values())
        return tuple(place for place in places if isinstance(place, Source))

    def is_fetched(self, part: str) -> bool:
        """Whether a part's weights come from the hub."""
        return isinstance(self.replaced.get(part, self.base), Source)

    def file_of(self, part: str) -> str | None:
        """The name of the one file that a part comes from; None where it is in the folder."""
        place = self.replaced.get(part)
        return place.patterns[0] if isinstance(place, Source) else place and place.name


@dataclass(frozen=True)
class ModelSpec:
    """One checkpoint: where it is, what it can do, and how it is run by default."""

    id: str
    title: str
    summary: str
    licence: str
    weights: Weights
    architecture: Architecture
    calls: Mapping[Task, Call]
    """The tasks that it can do, and by which pipeline."""
    limits: Limits
    defaults: Defaults
    resolutions: tuple[Resolution, ...]
    presets: tuple[Preset, ...]
    max_sequence_length: int = 512
    boundary_ratio: float | None = None
    """Noise level, 0 to 1, below which the second expert takes over; None for one expert."""
    scheduler: str = "unipc"
    """A name of ``wan_demo.engine.pipelines.schedulers``."""
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
    templates: tuple[Template, ...] = ()
    """The styles that it can make of a video; none: those of every model that knows the world."""
    examples: Mapping[Task, tuple[Example, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    @property
    def bundled(self) -> bool:
        """Whether its weights need no hub: all of them were put on this machine."""
        return not self.weights.sources

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What it can do, in the order of the page's tabs."""
        return tuple(task for task in Task if task in self.calls)

    @property
    def download_bytes(self) -> int:
        """What its files on the hub come to, about: numbers times the bytes of each."""
        bits, counts = self.weights.bits, self.architecture.parameters
        fetched = (part for part in counts if self.weights.is_fetched(part))
        return round(sum(counts[part] * bits.get(part, 16) / 8 for part in fetched))

    @property
    def sizes(self) -> Mapping[str, Size]:
        """The sizes by ratio at the default resolution."""
        return self.resolution(*self.defaults.size).sizes

    def resolution(self, width: int, height: int) -> Resolution:
        """The resolution whose area is nearest to ``width`` x ``height``, by their quotient."""
        area = width * height
        return min(self.resolutions, key=lambda r: max(r.area / area, area / r.area))

    def solver(self, request: GenerationRequest) -> tuple[str, float]:
        """The scheduler and the flow shift that a request runs with: its own, or the model's."""
        own = self.resolution(request.width, request.height).flow_shift
        shift = own if request.flow_shift is None else request.flow_shift
        return request.scheduler or self.scheduler, shift

    def methods(self, task: Task) -> tuple[Method, ...]:
        """How it may edit a video, the usual way first; none where it does not."""
        return METHODS.get(self.calls[task], ()) if task in self.calls else ()

    def for_task(self, task: Task) -> ModelSpec:
        """Itself, with the limits of a task: an edit may be longer than what it makes at once.

        Such clips are made in overlapping windows, each as long as its longest other clip.
        """
        if self.calls.get(task) not in (Call.RESTYLE, Call.CONTROL):
            return self
        return replace(self, limits=replace(self.limits, max_frames=MAX_FRAMES))

    def needs(self, task: Task) -> tuple[str, ...]:
        """The request's fields that hold a task's media."""
        return MEDIA[self.calls[task]]

    def takes(self, task: Task) -> frozenset[str]:
        """The request's fields that not every call has, and this one does."""
        second = ("guidance_scale_2",) if self.architecture.experts == 2 else ()
        call = self.calls[task]
        return frozenset((*MEDIA[call], *KNOBS.get(call, ()), *second))
