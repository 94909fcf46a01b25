"""The words in which a person pins how a model is kept in memory."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator

AUTOMATIC = "auto"
"""What a person may also say for "as it fits", which a request holds as None."""


class Profile(StrEnum):
    """Where the parts of a model live while it works, the fastest first."""

    RESIDENT = "resident"
    """Everything stays on the device."""
    ENCODERS_AWAY = "encoders_away"
    """The text and image encoders wait in RAM and come for their stage."""
    MODEL_OFFLOAD = "model_offload"
    """Every part waits in RAM and has the device to itself in its stage, each expert too."""
    ENCODER_STREAMED = "encoder_streamed"
    """The same; the text encoder, too large for the card, passes through it layer by layer."""
    GROUP_OFFLOAD = "group_offload"
    """The transformer's blocks stream in from pinned RAM while others compute."""
    GROUP_OFFLOAD_LEAN = "group_offload_lean"
    """The same, each block pinned as it is sent: half the RAM, more work for the CPU."""
    IN_TURN = "in_turn"
    """Each part is read from the disk for its stage and dropped after it."""
    SEQUENTIAL = "sequential"
    """Layers are fetched from RAM one by one, the device waiting for each."""
    DISK = "disk"
    """Layers are read from the disk at every step."""


class Precision(StrEnum):
    """What the transformer's weights are kept in; it computes in bf16, fp16 or fp32."""

    BF16 = "bf16"
    FP16 = "fp16"
    FP32 = "fp32"
    FP8 = "fp8"
    """Stored as float8_e4m3fn and cast up layer by layer; needs no fp8 hardware, only CUDA."""
    INT8 = "int8"
    """Weight-only int8 by torchao."""
    FLOAT8 = "float8"
    """torchao's scaled fp8, multiplied in fp8: compute capability 8.9 and up."""
    GGUF = "gguf"
    """As the checkpoint's GGUF file has it."""


def _unless_automatic(value: Any) -> Any:
    return None if value in (AUTOMATIC, "") else value


PinnedProfile = Annotated[Profile | None, BeforeValidator(_unless_automatic)]
PinnedPrecision = Annotated[Precision | None, BeforeValidator(_unless_automatic)]
