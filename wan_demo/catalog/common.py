"""What several specs share: prompts, sizes, presets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from wan_demo.domain.model import Example, Limits, ModelSpec, Preset, Resolution
from wan_demo.domain.request import Task
from wan_demo.domain.source import Source

# wan/configs/shared_config.py: sample_neg_prompt, the text that the official code puts in place
# of an empty negative prompt.
NEGATIVE_PROMPT = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，"
    "JPEG压缩残留，丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，"
    "手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走"
)
# wan/configs/wan_i2v_14B.py and wan/configs/__init__.py (flf2v) of Wan2.1 put these before it.
NO_CAMERA_SHAKE = "镜头晃动，"
NO_CAMERA_CUT = "镜头切换，"

# 16:9 and 9:16 are SUPPORTED_SIZES of wan/configs/__init__.py; 1:1 and 4:3 have the same area in
# steps of 16 (624x624, 960x960 and 1088x832 are also what Alibaba's hosted Wan offers). Those that
# the models were trained at come first.
SIZES_480P = MappingProxyType(
    {"16:9": (832, 480), "9:16": (480, 832), "1:1": (624, 624), "4:3": (704, 528)}
)
SIZES_720P = MappingProxyType(
    {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (960, 960), "4:3": (1088, 832)}
)
SIZES_704P = MappingProxyType(
    {"16:9": (1280, 704), "9:16": (704, 1280), "1:1": (928, 928), "4:3": (1088, 800)}
)

LIMITS_480P = Limits(
    min_side=256, max_side=832, max_area=832 * 480, size_multiple=16, min_frames=5, max_frames=81
)
LIMITS_720P = Limits(
    min_side=256, max_side=1280, max_area=1280 * 720, size_multiple=16, min_frames=5, max_frames=81
)
LIMITS_704P = Limits(
    min_side=256, max_side=1280, max_area=1280 * 704, size_multiple=32, min_frames=5, max_frames=121
)


def at_480p(flow_shift: float) -> Resolution:
    """832x480 and its like."""
    return Resolution("480p", flow_shift, SIZES_480P)


def at_720p(flow_shift: float) -> Resolution:
    """1280x720 and its like."""
    return Resolution("720p", flow_shift, SIZES_720P)


def presets(frames: int, draft_frames: int, steps: int) -> tuple[Preset, ...]:
    """Draft, balanced, and quality, which is the official number of steps."""
    draft = {"num_inference_steps": 20, "num_frames": draft_frames}
    return (
        Preset("Draft", f"{draft_frames} frames, 20 steps", MappingProxyType(draft)),
        Preset("Balanced", f"{frames} frames, 30 steps", _steps(30)),
        Preset("Quality", f"{frames} frames, {steps} steps", _steps(steps)),
    )


def fixed_steps(frames: int, draft_frames: int, steps: int) -> tuple[Preset, ...]:
    """Draft and quality of a distilled model, whose steps are what it was made for."""
    draft = {"num_inference_steps": steps, "num_frames": draft_frames}
    return (
        Preset("Draft", f"{draft_frames} frames, {steps} steps", MappingProxyType(draft)),
        Preset("Quality", f"{frames} frames, {steps} steps", _steps(steps)),
    )


def without_weights(spec: ModelSpec, parts: tuple[str, ...]) -> Source | Path:
    """The base without the weights of ``parts``, of which only the configs are needed."""
    base = spec.weights.base
    if isinstance(base, Path):
        return base
    kept = [part for part in spec.architecture.parts if part not in parts]
    patterns = (
        *("model_index.json", "tokenizer/*", "scheduler/*", "image_processor/*"),
        *(f"{part}/*" for part in kept),
        *(f"{part}/config.json" for part in parts),
    )
    return replace(base, patterns=patterns)


def _steps(count: int) -> MappingProxyType[str, int | float]:
    return MappingProxyType({"num_inference_steps": count})


EXAMPLES = MappingProxyType(
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
