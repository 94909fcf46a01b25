"""Lightning: LoRA pairs that bring Wan2.2 A14B from 40 steps to 4.

The README of ModelTC/Wan2.2-Lightning and its ``wan/configs``: 4 steps, Euler, shift 5, guidance 1
for both experts. The files are those of lightx2v/Wan2.2-Lightning, a pair to a folder.
"""

from __future__ import annotations

from types import MappingProxyType

from wan_demo.domain.lora import Lora
from wan_demo.domain.model import Preset
from wan_demo.domain.source import Source

REPO = "lightx2v/Wan2.2-Lightning"
COMMIT = "18bccf8884ec0a078eed79785eb4ef13ea16ce1e"
T2V = "Wan2.2-T2V-A14B-4steps-lora-rank64-Seko-V1.1"
I2V = "Wan2.2-I2V-A14B-4steps-lora-rank64-Seko-V1"
HIGH, LOW = "high_noise_model.safetensors", "low_noise_model.safetensors"

STEPS, SCHEDULER, FLOW_SHIFT, GUIDANCE = 4, "euler", 5.0, 1.0


def pair(folder: str) -> MappingProxyType[str, Source]:
    """The files of a folder by the experts that they are for."""
    files = {"transformer": HIGH, "transformer_2": LOW}
    return MappingProxyType(
        {part: Source(REPO, COMMIT, (f"{folder}/{name}",)) for part, name in files.items()}
    )


def preset(folder: str) -> Preset:
    """The pair over a base model, with all that it needs; the low half is found by its name."""
    overrides = {
        "loras": (Lora(name=f"{REPO}@{COMMIT}/{folder}/{HIGH}"),),
        "num_inference_steps": STEPS,
        "scheduler": SCHEDULER,
        "flow_shift": FLOW_SHIFT,
        "guidance_scale": GUIDANCE,
        "guidance_scale_2": GUIDANCE,
    }
    return Preset("Lightning", f"{STEPS} steps with a LoRA pair", MappingProxyType(overrides))
