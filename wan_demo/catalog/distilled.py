"""Models distilled to a few steps without guidance.

Lightning: see ``wan_demo.catalog.lightning``. FastWan: FastVideo's configuration of the DMD
sampler (timesteps 1000, 757, 522, noise drawn anew at each).
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from wan_demo.catalog import lightning, wan22
from wan_demo.catalog.common import fixed_steps
from wan_demo.domain.architecture import Call
from wan_demo.domain.model import ModelSpec, Weights
from wan_demo.domain.request import Task
from wan_demo.domain.source import Source


def _lightning(base: ModelSpec, model_id: str, title: str, summary: str, folder: str) -> ModelSpec:
    return replace(
        base,
        id=model_id,
        title=title,
        summary=summary,
        weights=replace(base.weights, loras=lightning.pair(folder)),
        defaults=replace(
            base.defaults,
            num_inference_steps=lightning.STEPS,
            guidance_scale=lightning.GUIDANCE,
            guidance_scale_2=lightning.GUIDANCE,
            negative_prompt="",
        ),
        resolutions=tuple(replace(r, flow_shift=lightning.FLOW_SHIFT) for r in base.resolutions),
        presets=fixed_steps(frames=81, draft_frames=33, steps=lightning.STEPS),
        scheduler=lightning.SCHEDULER,
    )


T2V_LIGHTNING = _lightning(
    wan22.T2V_A14B,
    "wan2.2-t2v-a14b-lightning",
    "Wan2.2 T2V A14B Lightning",
    "Wan2.2 from text in 4 steps instead of 40.",
    lightning.T2V,
)
I2V_LIGHTNING = _lightning(
    wan22.I2V_A14B,
    "wan2.2-i2v-a14b-lightning",
    "Wan2.2 I2V A14B Lightning",
    "Wan2.2 from a picture in 4 steps instead of 40.",
    lightning.I2V,
)

# Merged into a diffusers folder by a third party: no source names the Lightning version inside.
T2V_LIGHTNING_MERGED = replace(
    T2V_LIGHTNING,
    id="wan2.2-t2v-a14b-lightning-merged",
    title="Wan2.2 T2V A14B Lightning, merged",
    summary="The same as one checkpoint, merged by others.",
    weights=Weights(
        Source("magespace/Wan2.2-T2V-A14B-Lightning-Diffusers"),
        is_verified=False,
    ),
)
I2V_LIGHTNING_MERGED = replace(
    I2V_LIGHTNING,
    id="wan2.2-i2v-a14b-lightning-merged",
    title="Wan2.2 I2V A14B Lightning, merged",
    summary="The same as one checkpoint, merged by others.",
    weights=Weights(
        Source("magespace/Wan2.2-I2V-A14B-Lightning-Diffusers"),
        is_verified=False,
    ),
)

FASTWAN_5B = replace(
    wan22.TI2V_5B,
    id="fastwan2.2-ti2v-5b",
    title="FastWan2.2 TI2V 5B",
    summary="720p at 24 fps from text in 3 steps instead of 50.",
    weights=Weights(
        Source(
            "FastVideo/FastWan2.2-TI2V-5B-FullAttn-Diffusers",
            "3e187042a324f6f5fb68fd22110a78725253de8f",
        ),
        bits=MappingProxyType({"vae": 32}),
    ),
    calls=MappingProxyType({Task.TEXT_TO_VIDEO: Call.TEXT}),
    defaults=replace(
        wan22.TI2V_5B.defaults, num_inference_steps=3, guidance_scale=1.0, negative_prompt=""
    ),
    presets=fixed_steps(frames=121, draft_frames=49, steps=3),
    limits=replace(wan22.TI2V_5B.limits, max_steps=3),
    scheduler="dmd",
)

MODELS = (
    T2V_LIGHTNING,
    I2V_LIGHTNING,
    T2V_LIGHTNING_MERGED,
    I2V_LIGHTNING_MERGED,
    FASTWAN_5B,
)
