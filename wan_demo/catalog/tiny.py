"""The bundled models: moving shapes, trained by ``training/``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from wan_demo.catalog.templates import RECOLORS
from wan_demo.domain.architecture import Architecture, Call
from wan_demo.domain.model import (
    Defaults,
    Edit,
    Example,
    Limits,
    ModelSpec,
    Preset,
    Resolution,
    Vocabulary,
    Weights,
)
from wan_demo.domain.request import Task

ASSETS = Path(__file__).resolve().parents[2] / "assets"

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

_CALLS = MappingProxyType(
    {
        Task.TEXT_TO_VIDEO: Call.TEXT,
        Task.IMAGE_TO_VIDEO: Call.IMAGE,
        Task.VIDEO_TO_VIDEO: Call.RESTYLE,
    }
)

# The transformer's config is what training/folder.py builds; the rest is as in the folder.
_TINY_ARCHITECTURE = Architecture(
    "WanTransformer3DModel",
    transformer=MappingProxyType(
        {
            "patch_size": (1, 2, 2),
            "num_attention_heads": 4,
            "attention_head_dim": 48,
            "in_channels": 16,
            "out_channels": 16,
            "text_dim": 128,
            "freq_dim": 128,
            "ffn_dim": 512,
            "num_layers": 8,
            "cross_attn_norm": True,
            "qk_norm": "rms_norm_across_heads",
            "rope_max_seq_len": 64,
        }
    ),
    vae=MappingProxyType(
        {
            "base_dim": 12,
            "decoder_base_dim": 16,
            "z_dim": 16,
            "dim_mult": (1, 2, 4, 4),
            "num_res_blocks": 1,
            "attn_scales": (),
            "temperal_downsample": (False, True, True),
        }
    ),
    text_encoder=MappingProxyType(
        {
            "vocab_size": 751,
            "d_model": 128,
            "d_kv": 32,
            "d_ff": 256,
            "num_layers": 3,
            "num_heads": 4,
        }
    ),
    parameters=MappingProxyType(
        {"text_encoder": 588_736, "transformer": 4_339_712, "vae": 2_140_123}
    ),
)

TINY = ModelSpec(
    id="wan-tiny",
    title="Wan Tiny",
    summary="Bundled and small: moving shapes in seconds, on any machine.",
    licence="Apache-2.0",
    weights=Weights(base=ASSETS / "wan-tiny"),
    architecture=_TINY_ARCHITECTURE,
    calls=_CALLS,
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
        strength=0.6,
        edit=Edit(strength=0.45, guidance_scale=2.0),  # training.edits: color 96%, path 0.998
    ),
    resolutions=(
        Resolution(
            "small",
            flow_shift=1.0,
            sizes=MappingProxyType(
                {"1:1": (96, 96), "16:9": (112, 64), "9:16": (64, 112), "4:3": (128, 96)}
            ),
        ),
    ),
    presets=(
        Preset("Draft", "8 steps", MappingProxyType({"num_inference_steps": 8})),
        Preset("Balanced", "12 steps", MappingProxyType({"num_inference_steps": 12})),
        Preset("Quality", "24 steps", MappingProxyType({"num_inference_steps": 24})),
    ),
    max_sequence_length=64,
    decode_passes=48,  # measured on two cores: a decode takes 1.0 s, a pass 0.02 s
    seconds_per_work=1.8e-7,  # 2.0 s for the defaults there
    first_frame_by_timestep=True,
    vocabulary=_TINY_VOCABULARY,
    templates=RECOLORS,
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

_HEAD = MappingProxyType({"vace_layers": (0, 2, 4), "vace_in_channels": 96})
"""What ``training/vace.py`` puts beside the transformer, and keeps in a file of its own."""

TINY_VACE = replace(
    TINY,
    id="wan-tiny-vace",
    title="Wan Tiny VACE",
    summary="The same with VACE: edits inside a mask, or along a video's lines and grays.",
    weights=replace(
        TINY.weights,
        heads=MappingProxyType({"transformer": ASSETS / "wan-tiny-vace" / "vace.safetensors"}),
    ),
    architecture=replace(
        _TINY_ARCHITECTURE,
        transformer_class="WanVACETransformer3DModel",
        transformer=MappingProxyType({**_TINY_ARCHITECTURE.transformer, **_HEAD}),
        parameters=MappingProxyType({**_TINY_ARCHITECTURE.parameters, "transformer": 6_050_048}),
    ),
    calls=MappingProxyType(
        {Task.TEXT_TO_VIDEO: Call.CONTROL_TEXT, Task.VIDEO_TO_VIDEO: Call.CONTROL}
    ),
    first_frame_by_timestep=False,
    examples=MappingProxyType(
        {task: TINY.examples[task] for task in (Task.TEXT_TO_VIDEO, Task.VIDEO_TO_VIDEO)}
    ),
)
