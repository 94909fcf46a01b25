"""Every model the app knows, as frozen data. A new model is one more spec here.

Figures of the Wan checkpoints: the model cards and ``wan/configs`` of the Wan-Video repositories
Wan2.1 and Wan2.2, and the transformer and VAE configs of the diffusers conversions.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from wan_demo.domain.model import Defaults, Example, Limits, ModelSpec, Preset, Vocabulary
from wan_demo.domain.request import Task
from wan_demo.errors import InvalidRequest

ASSETS = Path(__file__).resolve().parent.parent / "assets"

EXAMPLE_MEDIA = ASSETS / "examples"
"""Pictures and clips that examples name, drawn by ``scripts/examples.py``."""

GIB = 2**30

# wan/configs/shared_config.py: sample_neg_prompt, the text that the official code puts in place
# of an empty negative prompt.
WAN_NEGATIVE_PROMPT = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，"
    "JPEG压缩残留，丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，"
    "手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走"
)

_UMT5_XXL = 5_681_000_000
"""Parameters of the text encoder that every Wan shares, rounded."""

# Every word and character of training/captions.py; a test holds the two against each other.
_TINY_WORDS = (
    "a around at background ball becomes becoming beige bigger black block blue box circle "
    "climbing climbs contracting contracts crimson cube cyan dark disc does dot down downwards "
    "drifting drifts dropping drops emerald expanding expands falling falls five flies floating "
    "floats flying from front gets getting goes going golden graded gradient gray green grey "
    "growing grows in is larger left motionless move moves moving navy noisy not of on orange "
    "pentagram plain pointed purple put pyramid red rest resting rests right rises rising rotates "
    "rotating rough round royal sand sandy shaded shape shrinking shrinks sinking sinks slides "
    "sliding smaller snow solid spinning spins square standing stands star staying stays still "
    "swelling swells tangerine teal textured that the to triangle triangular turning turns "
    "turquoise twirling twirls up upwards video violet white yellow"
).split()

_TINY_CHARACTERS = (
    "一三上下不个五从动升变右向圆在块大小左形往放方旋星景有来橙止正沙深渐灰球理白的移紫红纹绿缩背"
    "色落蓝角越转青静颗黄黑"
)

_TINY_VOCABULARY = Vocabulary(
    words=frozenset(_TINY_WORDS) | frozenset(_TINY_CHARACTERS),
    summary=(
        "circles, squares, triangles and stars in red, green, blue, yellow, purple, orange, white "
        "or cyan, that move, grow, shrink, spin or stand still on black, gray, navy or sand"
    ),
    better_model="Wan2.1 T2V 1.3B",
)

_TINY = ModelSpec(
    id="wan-tiny",
    title="Wan Tiny",
    summary="Bundled and small: moving shapes in seconds, on any machine.",
    licence="Apache-2.0",
    source="wan-tiny",
    bundled=True,
    tasks=tuple(Task),
    limits=Limits(
        min_side=64,
        max_side=128,
        max_area=128 * 128,
        size_multiple=16,
        min_frames=9,
        max_frames=33,
    ),
    defaults=Defaults(
        size=(96, 96),
        num_frames=17,
        fps=8,
        num_inference_steps=12,
        guidance_scale=4.0,
        strength=0.5,
    ),
    sizes=MappingProxyType(
        {"1:1": (96, 96), "16:9": (112, 64), "9:16": (64, 112), "4:3": (128, 96)}
    ),
    presets=(
        Preset("Draft", "8 steps", MappingProxyType({"num_inference_steps": 8})),
        Preset("Balanced", "12 steps", MappingProxyType({"num_inference_steps": 12})),
        Preset("Quality", "24 steps", MappingProxyType({"num_inference_steps": 24})),
    ),
    flow_shift=1.0,
    max_sequence_length=64,
    weight_bytes=0,
    gpu_bytes=0,
    decode_passes=48,  # measured on two cores: a decode takes 1.0 s, a pass 0.02 s
    seconds_per_work=1.8e-7,  # 2.0 s for the defaults there
    first_frame_by_timestep=True,
    vocabulary=_TINY_VOCABULARY,
    examples=MappingProxyType(
        {
            Task.TEXT_TO_VIDEO: (
                Example("a red circle moving right on a black background"),
                Example("a yellow star spinning on a navy background"),
                Example("a purple square growing on a sand background"),
                Example("a cyan triangle rises on a gray background"),
            ),
            Task.IMAGE_TO_VIDEO: (
                Example("a green square moving left on a black background", "green-square.png"),
                Example("a blue circle shrinking on a sand background", "blue-circle.png"),
            ),
            Task.VIDEO_TO_VIDEO: (
                Example("a cyan circle moving right on a black background", "red-circle.mp4"),
                Example("a yellow star spinning on a gray background", "purple-star.mp4"),
            ),
        }
    ),
)

_WAN_EXAMPLES = MappingProxyType(
    {
        Task.TEXT_TO_VIDEO: (
            Example(
                "A red fox trots through fresh snow at dawn, breath steaming, low camera, film "
                "grain"
            ),
            Example(
                "Paper boats drift along a rainy street at night, neon reflections, slow dolly shot"
            ),
        ),
        Task.IMAGE_TO_VIDEO: (
            Example("The camera pushes in slowly while the leaves move in the wind"),
        ),
        Task.VIDEO_TO_VIDEO: (
            Example("The same scene as a watercolor painting, soft edges, warm light"),
        ),
    }
)

_WAN21_T2V_1_3B = ModelSpec(
    id="wan2.1-t2v-1.3b",
    title="Wan2.1 T2V 1.3B",
    summary="The smallest official Wan: 480p from text, restyles videos, on one GPU.",
    licence="Apache-2.0",
    source="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
    bundled=False,
    tasks=(Task.TEXT_TO_VIDEO, Task.VIDEO_TO_VIDEO),
    limits=Limits(
        min_side=256,
        max_side=832,
        max_area=832 * 480,
        size_multiple=16,
        min_frames=5,
        max_frames=81,
    ),
    defaults=Defaults(
        size=(832, 480),
        num_frames=81,
        fps=16,
        num_inference_steps=50,
        guidance_scale=5.0,
        negative_prompt=WAN_NEGATIVE_PROMPT,
    ),
    sizes=MappingProxyType(
        {"16:9": (832, 480), "1:1": (624, 624), "9:16": (480, 832), "4:3": (704, 528)}
    ),
    presets=(
        Preset(
            "Draft",
            "33 frames, 20 steps",
            MappingProxyType({"num_inference_steps": 20, "num_frames": 33}),
        ),
        Preset("Balanced", "81 frames, 30 steps", MappingProxyType({"num_inference_steps": 30})),
        Preset("Quality", "81 frames, 50 steps", MappingProxyType({"num_inference_steps": 50})),
    ),
    flow_shift=5.0,
    max_sequence_length=512,
    weight_bytes=2 * (_UMT5_XXL + 1_420_000_000 + 127_000_000),
    gpu_bytes=20 * GIB,
    examples=_WAN_EXAMPLES,
)

_WAN22_TI2V_5B = ModelSpec(
    id="wan2.2-ti2v-5b",
    title="Wan2.2 TI2V 5B",
    summary="720p at 24 fps from text or from an image, on one large GPU.",
    licence="Apache-2.0",
    source="Wan-AI/Wan2.2-TI2V-5B-Diffusers",
    bundled=False,
    tasks=(Task.TEXT_TO_VIDEO, Task.IMAGE_TO_VIDEO),
    limits=Limits(
        min_side=256,
        max_side=1280,
        max_area=1280 * 704,
        size_multiple=32,
        min_frames=5,
        max_frames=121,
    ),
    defaults=Defaults(
        size=(1280, 704),
        num_frames=121,
        fps=24,
        num_inference_steps=50,
        guidance_scale=5.0,
        negative_prompt=WAN_NEGATIVE_PROMPT,
    ),
    sizes=MappingProxyType(
        {"16:9": (1280, 704), "1:1": (928, 928), "9:16": (704, 1280), "4:3": (1088, 800)}
    ),
    presets=(
        Preset(
            "Draft",
            "49 frames, 20 steps",
            MappingProxyType({"num_inference_steps": 20, "num_frames": 49}),
        ),
        Preset("Balanced", "121 frames, 30 steps", MappingProxyType({"num_inference_steps": 30})),
        Preset("Quality", "121 frames, 50 steps", MappingProxyType({"num_inference_steps": 50})),
    ),
    flow_shift=5.0,
    max_sequence_length=512,
    weight_bytes=2 * (_UMT5_XXL + 5_000_000_000 + 705_000_000),
    gpu_bytes=34 * GIB,
    first_frame_by_timestep=True,
    examples=_WAN_EXAMPLES,
)

MODELS: tuple[ModelSpec, ...] = (_TINY, _WAN21_T2V_1_3B, _WAN22_TI2V_5B)

BUNDLED = _TINY


def find(model_id: str) -> ModelSpec:
    """The spec of a catalogue id; raises InvalidRequest listing what exists."""
    for spec in MODELS:
        if spec.id == model_id:
            return spec
    raise InvalidRequest("model", model_id, f"must be one of {', '.join(ids())}")


def ids() -> list[str]:
    """The ids of all models."""
    return [spec.id for spec in MODELS]


def best_for(gpu_bytes: int) -> ModelSpec | None:
    """The largest checkpoint that a GPU of this many bytes holds; None where none fits."""
    fitting = [spec for spec in MODELS if 0 < spec.gpu_bytes <= gpu_bytes]
    return max(fitting, key=lambda spec: spec.gpu_bytes, default=None)
