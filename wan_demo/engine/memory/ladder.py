"""The rungs: every way to keep a model in memory, the fastest first.

Order, and why. The weights as they were published come before any quantization, and among them
what moves least comes first:

1. In the published precision: everything resident, encoders away, parts in turn, the encoder
   streamed. They move weights a few times a clip, which is seconds of minutes.
2. In the same precision, the transformer streamed block by block. It moves all weights in every
   pass, but beside the computing: a block of 14B is 0.7 GB, 35 ms over PCIe 4.0 x16, and computes
   for 300 ms at 832x480x81 on a card of 140 TFLOP/s (1,678 TFLOP a pass, 40 blocks).
3. The same in fp8, then int8 where fp8 can't be had: half the bytes, slightly other weights.
4. Parts read from the disk for each clip, then layers fetched one by one, the device waiting for
   each, then layers read from the disk in every pass.

Within 1 and within 2 the VAE's decode shrinks only after each way to make room for it: first it
computes in bf16 (MS-SSIM 0.9999 to fp32, and faster), last of all in overlapping tiles of 256
pixels (a third more work). So a machine that lacks room only for the decode tiles and moves
nothing. The order does not depend on how much is free, so more memory never gives a slower rung.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from types import MappingProxyType

from wan_demo.domain.memory import Precision, Profile
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.memory.gguf import bits_per_weight
from wan_demo.engine.memory.machine import Machine


class Home(StrEnum):
    """Where a part's weights are between its calls, and how they come to the device."""

    DEVICE = "device"
    """On the device, always."""
    STAGE = "stage"
    """In RAM; all of it on the device for its stage (``enable_model_cpu_offload``)."""
    BLOCKS = "blocks"
    """In pinned RAM; a block at a time, the next one on its way."""
    BLOCKS_LEAN = "blocks_lean"
    """In RAM; a block at a time, pinned as it is sent."""
    LEAVES = "leaves"
    """In RAM; a layer at a time. What ``enable_sequential_cpu_offload`` does, by hooks that
    also work with fp8 storage and GGUF weights."""
    DISK = "disk"
    """On the disk; loaded for its stage and dropped after it."""
    DISK_BLOCKS = "disk_blocks"
    """On the disk, in a folder for offloading; a block at a time."""
    DISK_LEAVES = "disk_leaves"
    """The same, a layer at a time."""


def _group(kind: str, **values: object) -> Mapping[str, object]:
    blocks = {"num_blocks_per_group": 1} if kind == "block_level" else {}
    return MappingProxyType({"offload_type": kind, **blocks, **values})


GROUP_OFFLOAD: Mapping[Home, Mapping[str, object]] = MappingProxyType(
    {
        Home.BLOCKS: _group("block_level", use_stream=True, low_cpu_mem_usage=False),
        Home.BLOCKS_LEAN: _group("block_level", use_stream=True, low_cpu_mem_usage=True),
        Home.LEAVES: _group("leaf_level", use_stream=False),
        Home.DISK_BLOCKS: _group("block_level", use_stream=False),
        Home.DISK_LEAVES: _group("leaf_level", use_stream=False),
    }
)
"""Arguments of ``diffusers.hooks.apply_group_offloading`` by home, but for the devices and, for
the disk's, ``offload_to_disk_path``."""

_HOMES: Mapping[Profile, tuple[Home, Home, Home, Home]] = MappingProxyType(
    {  # text encoder, image encoder, transformers, VAE
        Profile.RESIDENT: (Home.DEVICE, Home.DEVICE, Home.DEVICE, Home.DEVICE),
        Profile.ENCODERS_AWAY: (Home.STAGE, Home.STAGE, Home.DEVICE, Home.DEVICE),
        Profile.MODEL_OFFLOAD: (Home.STAGE, Home.STAGE, Home.STAGE, Home.STAGE),
        Profile.ENCODER_STREAMED: (Home.LEAVES, Home.STAGE, Home.STAGE, Home.STAGE),
        Profile.GROUP_OFFLOAD: (Home.LEAVES, Home.STAGE, Home.BLOCKS, Home.STAGE),
        Profile.GROUP_OFFLOAD_LEAN: (Home.LEAVES, Home.STAGE, Home.BLOCKS_LEAN, Home.STAGE),
        Profile.IN_TURN: (Home.DISK, Home.DISK, Home.DISK, Home.DISK),
        Profile.SEQUENTIAL: (Home.LEAVES, Home.LEAVES, Home.LEAVES, Home.STAGE),
        Profile.DISK: (Home.DISK_LEAVES, Home.DISK, Home.DISK_BLOCKS, Home.DISK),
    }
)

_NEAR = (
    Profile.RESIDENT,
    Profile.ENCODERS_AWAY,
    Profile.MODEL_OFFLOAD,
    Profile.ENCODER_STREAMED,
)
_STREAMED = (Profile.GROUP_OFFLOAD, Profile.GROUP_OFFLOAD_LEAN)
SLOW = (Profile.IN_TURN, Profile.SEQUENTIAL, Profile.DISK)
_UNIFIED = (Profile.RESIDENT, Profile.IN_TURN)
"""All that helps where the device computes in the machine's own RAM."""

NEAR = frozenset(_NEAR)
"""Profiles that move weights a few times a clip, and not in every pass."""

_TORCHAO = frozenset((Precision.INT8, Precision.FLOAT8))
_DTYPES: Mapping[Precision, str] = MappingProxyType(
    {Precision.BF16: "bfloat16", Precision.FP16: "float16", Precision.FP32: "float32"}
)


@dataclass(frozen=True)
class Rung:
    """What the engine is to do; nothing in it is left to be decided.

    ``dtype`` is torch's name of what the transformer and the text encoder compute in (and, but
    for a quantizing ``precision``, are stored in); ``vae_dtype`` the VAE's. The image encoder is
    always in float32. ``precision`` FP8 means ``enable_layerwise_casting(float8_e4m3fn, dtype)``
    on the transformers, INT8 and FLOAT8 torchao's quantization of them at loading.
    """

    profile: Profile
    precision: Precision
    device: str
    dtype: str
    text_encoder: Home
    image_encoder: Home
    transformer: Home
    vae: Home
    vae_dtype: str = "float32"
    vae_tiling: bool = False

    @property
    def name(self) -> str:
        """For the log and a video's metadata: ``model_offload, fp8, VAE in bfloat16, tiled``."""
        vae = "" if self.vae_dtype == "float32" else f", VAE in {self.vae_dtype}"
        return f"{self.profile}, {self.precision}{vae}{', tiled' if self.vae_tiling else ''}"


def ladder(
    spec: ModelSpec,
    machine: Machine,
    profile: Profile | None = None,
    precision: Precision | None = None,
) -> Iterator[Rung]:
    """Every rung that this model has on this kind of machine, the fastest first.

    A pinned ``profile`` or ``precision`` leaves only the rungs that have it.
    """
    kept = (precision,) if precision else precisions(spec, machine)
    profiles = _order(machine, kept)
    for where, weights, (vae_dtype, tiling) in profiles:
        if profile in (None, where) and not (where is Profile.DISK and weights in _TORCHAO):
            for dtype in _compute_dtypes(machine, weights):
                homes = _HOMES[where]
                yield Rung(where, weights, machine.device, dtype, *homes, vae_dtype, tiling)


def _order(
    machine: Machine, kept: Sequence[Precision]
) -> Iterator[tuple[Profile, Precision, tuple[str, bool]]]:
    decodes = _decodes(machine)
    groups = ((_UNIFIED,), ()) if machine.device != "cuda" else ((_NEAR, _STREAMED), SLOW)
    near, slow = groups
    for weights in kept:
        for profiles in near:
            for decode, profile in product(decodes, profiles):
                yield profile, weights, decode
    yield from product(slow, kept, decodes)


def _decodes(machine: Machine) -> tuple[tuple[str, bool], ...]:
    """The VAE's dtype and whether it tiles, from the most faithful to the smallest."""
    if machine.device == "cuda" and machine.has_bf16:
        return ("float32", False), ("bfloat16", False), ("bfloat16", True)
    return ("float32", False), ("float32", True)


def _compute_dtypes(machine: Machine, precision: Precision) -> tuple[str, ...]:
    """What a model of that precision computes in, by torch's names, the most faithful first.

    Quantized weights compute in what the machine is good at; on a CPU that has bf16 that also
    halves the text encoder.
    """
    if precision in _DTYPES:
        return (_DTYPES[precision],)
    if machine.device == "cpu":
        return ("float32", "bfloat16") if machine.has_bf16 else ("float32",)
    return ("bfloat16",) if machine.has_bf16 else ("float16",)


def precisions(spec: ModelSpec, machine: Machine) -> tuple[Precision, ...]:
    """What the policy may choose from by itself, the most faithful first.

    torchao's come last: they save no more than fp8, need a further package, and can't be
    offloaded to the disk. On the CPU there is no fp8, so that int8 is what saves memory.
    """
    possible = possible_precisions(spec, machine)
    half = Precision.BF16 if machine.has_bf16 else Precision.FP16
    wanted = {
        "cuda": (half, Precision.FP8, Precision.INT8),
        "mps": (half,),
        "cpu": (Precision.FP32, Precision.BF16, Precision.INT8),
    }[machine.device]
    return tuple(each for each in (*wanted, Precision.GGUF) if each in possible)


def possible_precisions(spec: ModelSpec, machine: Machine) -> frozenset[Precision]:
    """What a person may pin."""
    if bits_per_weight(spec) is not None:
        return frozenset((Precision.GGUF,))
    is_gpu, is_cuda = machine.device != "cpu", machine.device == "cuda"
    allowed = {
        Precision.BF16: machine.has_bf16,
        Precision.FP16: is_gpu,
        Precision.FP32: True,
        Precision.FP8: is_cuda,
        Precision.INT8: machine.has_torchao and machine.device != "mps",
        Precision.FLOAT8: machine.has_torchao and is_cuda and machine.has_fp8,
    }
    return frozenset(each for each, is_allowed in allowed.items() if is_allowed)


def possible_profiles(machine: Machine) -> tuple[Profile, ...]:
    """What a person may pin: offloading to RAM is no gain where the device computes in RAM."""
    return tuple(Profile) if machine.device == "cuda" else _UNIFIED
