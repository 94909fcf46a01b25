"""The one declaration of every control.

A slider, a CLI flag, an API schema, the stored JSON and the MP4's metadata all derive from the
fields below: ``title`` is the label, ``description`` the help, ``ge`` / ``le`` / ``multiple_of``
the bounds that hold for every model. What a particular model can do is in its spec
(``wan_demo.domain.model``) and checked by ``wan_demo.domain.rules``.

Parameter names are those of diffusers' Wan pipelines.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from wan_demo.domain.edit import Colors, Direction, Fit, Guide, Method, Sound
from wan_demo.domain.lora import Lora
from wan_demo.domain.memory import PinnedPrecision, PinnedProfile
from wan_demo.domain.scheduler import LEAST_SHIFT, MOST_SHIFT, Scheduler

MAX_PROMPT = 2000
MAX_SEED = 2**32 - 1
INPUTS = ("image", "last_image", "video", "mask", "reference_images")
"""The fields that name files: of an accepted request, by the SHA-256 of their content."""

MOST_REFERENCES = 3

MAX_FRAMES = 1025

MAX_SECONDS = float(MAX_FRAMES)
"""As many as the frames: each is shown for a second at most."""

MAX_AVERAGED = 8


class Task(StrEnum):
    """What is made from what."""

    TEXT_TO_VIDEO = "text_to_video"
    IMAGE_TO_VIDEO = "image_to_video"
    VIDEO_TO_VIDEO = "video_to_video"


def _printable(text: str) -> str:
    """Refuse NUL and other control characters, which no tokenizer or log should meet."""
    if any(ord(char) < 32 and char not in "\n\t\r" for char in text):
        raise ValueError("must not hold control characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode text") from None
    return text.strip()


Prompt = Annotated[str, AfterValidator(_printable)]


def frames_of(seconds: float, fps: int) -> int:
    """The whole number of frames, at least one, that comes nearest to so many seconds."""
    return max(1, int(seconds * fps + 0.5))


class GenerationRequest(BaseModel):
    """Everything that a person decides about a clip, and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Task = Field(title="Task", description="What is made from what.")
    model: str = Field(title="Model", description="The checkpoint that makes the video.")
    prompt: Prompt = Field(
        "",
        max_length=MAX_PROMPT,
        title="Prompt",
        description="What the video shows. (neon sign:1.3) gives a phrase a weight, from 0 to 2.",
    )
    negative_prompt: Prompt = Field(
        "",
        max_length=MAX_PROMPT,
        title="Negative prompt",
        description="What the video should stay away from. Empty: what the model's makers advise.",
    )
    prompt_end: Prompt = Field(
        "",
        max_length=MAX_PROMPT,
        title="Prompt at the end",
        description="Blends from the prompt to this one over the steps, for what lies in between.",
    )
    width: int = Field(ge=16, le=4096, title="Width", description="Pixels across.")
    height: int = Field(ge=16, le=4096, title="Height", description="Pixels down.")
    num_frames: int = Field(
        ge=1,
        le=MAX_FRAMES,
        title="Frames",
        description="Length of the clip: Wan makes 4k+1 frames.",
    )
    fps: int = Field(
        ge=1, le=60, title="Frames per second", description="How fast the frames play."
    )
    duration: float | None = Field(
        None,
        gt=0,
        le=MAX_SECONDS,
        allow_inf_nan=False,
        title="Seconds",
        description="Length of the clip to the millisecond, in place of a number of frames.",
    )
    num_inference_steps: int = Field(
        ge=1, le=200, title="Steps", description="More steps: finer, and slower in proportion."
    )
    guidance_scale: float = Field(
        ge=1,
        le=20,
        allow_inf_nan=False,
        title="Guidance",
        description="How closely to follow the prompt. 1 switches it off and halves the time.",
    )
    guidance_scale_2: float | None = Field(
        None,
        ge=1,
        le=20,
        allow_inf_nan=False,
        title="Guidance, low noise",
        description="The same for the second expert, which finishes the picture.",
    )
    scheduler: Scheduler | None = Field(
        None,
        title="Scheduler",
        description="The sampler: how the steps are taken. Left open: what the model was made for.",
    )
    flow_shift: float | None = Field(
        None,
        ge=LEAST_SHIFT,
        le=MOST_SHIFT,
        allow_inf_nan=False,
        title="Flow shift",
        description=(
            "Higher spends more steps on motion and layout, lower on detail. Left open: the "
            "model's own at that size."
        ),
    )
    loras: tuple[Lora, ...] = Field(
        (),
        title="LoRAs",
        description="Small files that add a style, a motion or speed: name or name:weight.",
    )
    seed: int = Field(
        ge=0,
        le=MAX_SEED,
        title="Seed",
        description="The same seed and settings give the same frames.",
    )
    strength: float | None = Field(
        None,
        gt=0,
        le=1,
        allow_inf_nan=False,
        title="Strength",
        description="How far to move away from your video: low keeps it, 1 ignores it.",
    )
    method: Method | None = Field(
        None,
        title="Method",
        description="How your video is edited.",
    )
    source_prompt: Prompt | None = Field(
        None,
        max_length=MAX_PROMPT,
        title="What your video shows now",
        description="Helps to change that alone which differs from the prompt. May be left empty.",
    )
    source_guidance_scale: float | None = Field(
        None,
        ge=1,
        le=20,
        allow_inf_nan=False,
        title="Guidance, source",
        description="How closely to hold on to what your video shows. Left open: as the guidance.",
    )
    n_min: int | None = Field(
        None,
        ge=0,
        le=200,
        title="Free steps",
        description="So many last steps follow the prompt alone: for styles that change it all.",
    )
    n_avg: int | None = Field(
        None,
        ge=1,
        le=MAX_AVERAGED,
        title="Averaged noises",
        description="So many noises are tried in each step: steadier, and slower in proportion.",
    )
    conditioning_scale: float | None = Field(
        None,
        ge=0,
        le=2,
        allow_inf_nan=False,
        title="Control",
        description="How closely to follow your video and references: 0 ignores them, 1 is usual.",
    )
    guide: Guide | None = Field(
        None,
        title="Guide",
        description="What the model sees of your video; inside the mask where there is one.",
    )
    num_videos_per_prompt: int = Field(
        1, ge=1, le=4, title="Videos", description="How many clips to make, seed by seed."
    )
    image: str | None = Field(
        None, title="Image", description="The picture that becomes the first frame."
    )
    last_image: str | None = Field(
        None, title="Last image", description="The picture that becomes the last frame."
    )
    video: str | None = Field(
        None, title="Video", description="The clip to restyle; or to go on from, without an image."
    )
    mask: str | None = Field(
        None,
        title="Mask",
        description="A picture, held all along, or a video: white is edited, black stays.",
    )
    reference_images: tuple[str, ...] = Field(
        (),
        max_length=MOST_REFERENCES,
        title="Reference images",
        description="Up to 3 pictures of what is to appear: a person, a thing, a place.",
    )
    trim_start: float | None = Field(
        None,
        ge=0,
        le=MAX_SECONDS,
        allow_inf_nan=False,
        title="Start",
        description="Where in your video to begin, in seconds.",
    )
    trim_end: float | None = Field(
        None,
        gt=0,
        le=MAX_SECONDS,
        allow_inf_nan=False,
        title="End",
        description="Where in your video to end, in seconds.",
    )
    speed: float | None = Field(
        None,
        ge=0.25,
        le=4,
        allow_inf_nan=False,
        title="Speed",
        description="How fast your video moves before it is edited: 0.5 is half as fast.",
    )
    direction: Direction | None = Field(
        None, title="Direction", description="Which way your video plays before it is edited."
    )
    fit: Fit | None = Field(
        None,
        title="Fit",
        description="Another ratio is cropped to fill the frame, or padded to be seen whole.",
    )
    sound: Sound | None = Field(
        None, title="Sound", description="Whether the clip keeps your video's sound."
    )
    colors: Colors | None = Field(
        None,
        title="Colors",
        description="The overall colors are the prompt's, or matched to those of your video.",
    )
    profile: PinnedProfile = Field(
        None,
        title="Memory",
        description="Where the model's parts are kept; left open, the fastest way that fits.",
    )
    precision: PinnedPrecision = Field(
        None,
        title="Precision",
        description="What the model's weights are kept in; left open, the most exact that fits.",
    )

    @property
    def effective_steps(self) -> int:
        """Denoising steps that really run: video_to_video starts part of the way.

        ``int(steps * strength)``, as in diffusers' ``WanVideoToVideoPipeline.get_timesteps``. For
        FlowEdit this is ``n_max``.
        """
        return int(self.num_inference_steps * (1.0 if self.strength is None else self.strength))

    @property
    def is_guided(self) -> bool:
        """Whether the negative prompt is read."""
        return max(self.guidance_scale, self.source_guidance_scale or 1.0) > 1

    @property
    def continues(self) -> bool:
        """Whether it goes on from a video (``wan_demo.domain.continuation``)."""
        return self.task is Task.IMAGE_TO_VIDEO and self.video is not None

    @property
    def frames_before(self) -> int:
        """Frames of a video that is gone on with, but for its last, which begins the new ones."""
        if not self.continues or self.trim_end is None:
            return 0
        seconds = (self.trim_end - (self.trim_start or 0.0)) / (self.speed or 1.0)
        return frames_of(seconds, self.fps) - 1

    @property
    def played_frames(self) -> int:
        """Frames of the finished clip: those generated, less what ``duration`` cuts off."""
        made = self.num_frames
        if self.duration is not None:
            made = min(frames_of(self.duration, self.fps), made)
        return self.frames_before + made

    @property
    def played_seconds(self) -> float:
        """How long the finished clip lasts."""
        made = self.num_frames / self.fps if self.duration is None else self.duration
        return self.frames_before / self.fps + made

    def given(self) -> dict[str, Any]:
        """What a person would give to have this request again: what follows is left out."""
        without = {"num_frames"} if self.duration is not None else set()
        return self.model_dump(exclude=without, exclude_none=True)

    def single(self, index: int) -> GenerationRequest:
        """The request of the ``index``-th clip alone: its own seed, one video."""
        seed = (self.seed + index) % (MAX_SEED + 1)
        return self.model_copy(update={"seed": seed, "num_videos_per_prompt": 1})
