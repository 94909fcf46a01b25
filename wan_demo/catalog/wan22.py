"""Wan2.2.

Defaults: ``wan/configs`` of the repository Wan-Video/Wan2.2. Its tuples are (low noise, high
noise); ``guidance_scale`` here is the high-noise one, as in diffusers.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from wan_demo.catalog import architectures, lightning, wan21
from wan_demo.catalog.common import (
    LIMITS_704P,
    LIMITS_720P,
    NEGATIVE_PROMPT,
    SIZES_704P,
    at_480p,
    at_720p,
    presets,
)
from wan_demo.domain.architecture import Call
from wan_demo.domain.model import Defaults, Resolution, Weights
from wan_demo.domain.request import Task
from wan_demo.domain.source import Source

_FP32_EXPERTS = MappingProxyType({"transformer": 32, "transformer_2": 32, "vae": 32})

_PRESETS = presets(frames=81, draft_frames=33, steps=40)

T2V_A14B = replace(
    wan21.T2V_14B,
    id="wan2.2-t2v-a14b",
    title="Wan2.2 T2V A14B",
    summary="The best from text: two experts of 14B, 480p and 720p.",
    weights=Weights(
        Source("Wan-AI/Wan2.2-T2V-A14B-Diffusers", "5be7df9619b54f4e2667b2755bc6a756675b5cd7"),
        bits=_FP32_EXPERTS,
    ),
    architecture=architectures.T2V_A14B,
    calls=MappingProxyType({Task.TEXT_TO_VIDEO: Call.TEXT, Task.VIDEO_TO_VIDEO: Call.RESTYLE}),
    limits=LIMITS_720P,
    defaults=Defaults(
        size=(832, 480),
        num_frames=81,
        fps=16,
        num_inference_steps=40,
        guidance_scale=4.0,
        guidance_scale_2=3.0,
        negative_prompt=NEGATIVE_PROMPT,
    ),
    resolutions=(at_480p(flow_shift=12.0), at_720p(flow_shift=12.0)),
    presets=(*_PRESETS, lightning.preset(lightning.T2V)),
    boundary_ratio=0.875,
)

I2V_A14B = replace(
    T2V_A14B,
    id="wan2.2-i2v-a14b",
    title="Wan2.2 I2V A14B",
    summary="The best from a picture: two experts of 14B, 480p and 720p.",
    weights=Weights(
        Source("Wan-AI/Wan2.2-I2V-A14B-Diffusers", "596658fd9ca6b7b71d5057529bbf319ecbc61d74"),
        bits=_FP32_EXPERTS,
    ),
    architecture=architectures.I2V_A14B,
    calls=MappingProxyType({Task.IMAGE_TO_VIDEO: Call.IMAGE}),
    defaults=replace(T2V_A14B.defaults, guidance_scale=3.5, guidance_scale_2=3.5),
    resolutions=(at_480p(flow_shift=5.0), at_720p(flow_shift=5.0)),
    presets=(*_PRESETS, lightning.preset(lightning.I2V)),
    boundary_ratio=0.9,
)

TI2V_5B = replace(
    wan21.T2V_1_3B,
    id="wan2.2-ti2v-5b",
    title="Wan2.2 TI2V 5B",
    summary="720p at 24 fps from text or from a picture.",
    weights=Weights(
        Source("Wan-AI/Wan2.2-TI2V-5B-Diffusers", "b8fff7315c768468a5333511427288870b2e9635"),
        bits=MappingProxyType({"transformer": 32, "vae": 32}),
    ),
    architecture=architectures.TI2V_5B,
    calls=MappingProxyType(
        {
            Task.TEXT_TO_VIDEO: Call.TEXT,
            Task.IMAGE_TO_VIDEO: Call.IMAGE,
            Task.VIDEO_TO_VIDEO: Call.RESTYLE,
        }
    ),
    limits=LIMITS_704P,
    defaults=Defaults(
        size=(1280, 704),
        num_frames=121,
        fps=24,
        num_inference_steps=50,
        guidance_scale=5.0,
        negative_prompt=NEGATIVE_PROMPT,
    ),
    resolutions=(Resolution("720p", flow_shift=5.0, sizes=SIZES_704P),),
    presets=presets(frames=121, draft_frames=49, steps=50),
    first_frame_by_timestep=True,
)

MODELS = (T2V_A14B, I2V_A14B, TI2V_5B)
