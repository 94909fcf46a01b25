"""Wan2.1.

Defaults: ``generate.py`` and ``wan/configs`` of the repository Wan-Video/Wan2.1; repos and
revisions: the Wan-AI organisation's diffusers conversions, whose names mix ``-Diffusers`` and
``-diffusers``.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from wan_demo.catalog import architectures
from wan_demo.catalog.common import (
    EXAMPLES,
    LIMITS_480P,
    LIMITS_720P,
    NEGATIVE_PROMPT,
    NO_CAMERA_CUT,
    NO_CAMERA_SHAKE,
    at_480p,
    at_720p,
    presets,
)
from wan_demo.domain.architecture import Call
from wan_demo.domain.model import Defaults, ModelSpec, Weights
from wan_demo.domain.request import Task
from wan_demo.domain.source import Source

# The VAE is always stored in 32 bits; VACE's and Wan2.2's text encoder in 16.
_FP32 = MappingProxyType({"transformer": 32, "text_encoder": 32, "vae": 32})
_FP32_TRANSFORMER = MappingProxyType({"transformer": 32, "vae": 32})

T2V_1_3B = ModelSpec(
    id="wan2.1-t2v-1.3b",
    title="Wan2.1 T2V 1.3B",
    summary="The smallest official Wan: 480p from text, restyles videos.",
    licence="Apache-2.0",
    weights=Weights(
        Source("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "0fad780a534b6463e45facd96134c9f345acfa5b"),
        bits=_FP32,
    ),
    architecture=architectures.T2V_1_3B,
    calls=MappingProxyType({Task.TEXT_TO_VIDEO: Call.TEXT, Task.VIDEO_TO_VIDEO: Call.RESTYLE}),
    limits=LIMITS_480P,
    defaults=Defaults(
        size=(832, 480),
        num_frames=81,
        fps=16,
        num_inference_steps=50,
        guidance_scale=5.0,
        negative_prompt=NEGATIVE_PROMPT,
    ),
    resolutions=(at_480p(flow_shift=5.0),),
    presets=presets(frames=81, draft_frames=33, steps=50),
    examples=EXAMPLES,
)

T2V_14B = replace(
    T2V_1_3B,
    id="wan2.1-t2v-14b",
    title="Wan2.1 T2V 14B",
    summary="The large Wan2.1: 480p and 720p from text, restyles videos.",
    weights=Weights(
        Source("Wan-AI/Wan2.1-T2V-14B-Diffusers", "38ec498cb3208fb688890f8cc7e94ede2cbd7f68"),
        bits=_FP32,
    ),
    architecture=architectures.T2V_14B,
    limits=LIMITS_720P,
    resolutions=(at_480p(flow_shift=5.0), at_720p(flow_shift=5.0)),
)

I2V_14B_480P = replace(
    T2V_1_3B,
    id="wan2.1-i2v-14b-480p",
    title="Wan2.1 I2V 14B 480p",
    summary="Brings a picture to life at 480p, in the picture's own ratio.",
    weights=Weights(
        Source("Wan-AI/Wan2.1-I2V-14B-480P-Diffusers", "b184e23a8a16b20f108f727c902e769e873ffc73"),
        bits=_FP32,
    ),
    architecture=architectures.I2V_14B,
    calls=MappingProxyType({Task.IMAGE_TO_VIDEO: Call.IMAGE}),
    defaults=replace(
        T2V_1_3B.defaults,
        num_inference_steps=40,
        negative_prompt=NO_CAMERA_SHAKE + NEGATIVE_PROMPT,
    ),
    resolutions=(at_480p(flow_shift=3.0),),
    presets=presets(frames=81, draft_frames=33, steps=40),
)

I2V_14B_720P = replace(
    I2V_14B_480P,
    id="wan2.1-i2v-14b-720p",
    title="Wan2.1 I2V 14B 720p",
    summary="Brings a picture to life at 720p, in the picture's own ratio.",
    weights=Weights(
        Source("Wan-AI/Wan2.1-I2V-14B-720P-Diffusers", "eb849f76dfa246545b65774a9e25943ee69b3fa3"),
        bits=_FP32,
    ),
    limits=LIMITS_720P,
    defaults=replace(I2V_14B_480P.defaults, size=(1280, 720)),
    # A 480p size on these weights keeps 480p's shift: generate.py goes by the size alone.
    resolutions=(at_720p(flow_shift=5.0), at_480p(flow_shift=3.0)),
)

FLF2V_14B_720P = replace(
    I2V_14B_720P,
    id="wan2.1-flf2v-14b-720p",
    title="Wan2.1 FLF2V 14B 720p",
    summary="Leads from a first picture to a last one.",
    weights=Weights(
        Source(
            "Wan-AI/Wan2.1-FLF2V-14B-720P-diffusers", "17c30769b1e0b5dcaa1799b117bf20a9c31f59d7"
        ),
        bits=_FP32,
    ),
    architecture=architectures.FLF2V_14B,
    calls=MappingProxyType({Task.IMAGE_TO_VIDEO: Call.FIRST_LAST}),
    defaults=replace(
        I2V_14B_720P.defaults,
        num_inference_steps=50,
        guidance_scale=5.5,  # WanFLF2V.generate's own default, and the model card's
        negative_prompt=NO_CAMERA_CUT + NO_CAMERA_SHAKE + NEGATIVE_PROMPT,
    ),
    resolutions=(at_720p(flow_shift=16.0),),
    presets=presets(frames=81, draft_frames=33, steps=50),
)

VACE_1_3B = replace(
    T2V_1_3B,
    id="wan2.1-vace-1.3b",
    title="Wan2.1 VACE 1.3B",
    summary="Follows a video of yours at 480p, or text alone.",
    weights=Weights(
        Source("Wan-AI/Wan2.1-VACE-1.3B-diffusers", "ec4d2cb062b548996b179d493fdd05340de702a1"),
        bits=_FP32_TRANSFORMER,
    ),
    architecture=architectures.VACE_1_3B,
    calls=MappingProxyType(
        {Task.TEXT_TO_VIDEO: Call.CONTROL_TEXT, Task.VIDEO_TO_VIDEO: Call.CONTROL}
    ),
    resolutions=(at_480p(flow_shift=16.0),),
)

VACE_14B = replace(
    VACE_1_3B,
    id="wan2.1-vace-14b",
    title="Wan2.1 VACE 14B",
    summary="Follows a video of yours at 480p and 720p, or text alone.",
    weights=Weights(
        Source("Wan-AI/Wan2.1-VACE-14B-diffusers", "db79b90c60bbb45ceec9e41b9d5a4df934538ac4"),
        bits=_FP32_TRANSFORMER,
    ),
    architecture=architectures.VACE_14B,
    limits=LIMITS_720P,
    resolutions=(at_480p(flow_shift=16.0), at_720p(flow_shift=16.0)),
)

MODELS = (T2V_1_3B, T2V_14B, I2V_14B_480P, I2V_14B_720P, FLF2V_14B_720P, VACE_1_3B, VACE_14B)
