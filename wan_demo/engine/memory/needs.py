"""What a rung needs for a clip: on the device in each stage, in RAM, on the disk."""

from __future__ import annotations

from dataclasses import dataclass

from wan_demo.domain.memory import Precision
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.memory import sizes
from wan_demo.engine.memory.ladder import Home, Rung
from wan_demo.engine.memory.machine import GIB, Machine
from wan_demo.engine.memory.sizes import TRANSFORMERS, Clip

CONTEXT = int(0.8 * GIB)
"""What a process holds on a GPU before its first tensor: the CUDA context, 0.3 to 0.6 GB with the
modules of torch's kernels, and the workspaces of cuBLAS and cuDNN."""

PROCESS = int(0.8 * GIB)
"""RAM of a worker without any weights: Python, torch, diffusers and transformers."""

PROCESS_WITH_GPU = 3 * GIB
"""The same with CUDA's libraries, 1 to 1.5 GB, and the frames of a clip, 0.3 GB at 1280x704x121
and as much again while they are encoded."""

FRAGMENTATION = 1.1
"""Intermediate results leave gaps between them: torch reserves some 5 to 15% more than it has
given out when tensors of many sizes come and go. Weights lie as they were loaded."""

BLOCKS_ON_DEVICE = 3
"""Of a streamed transformer: one computes, the next arrives, the last one's memory is not yet
free for others (streams)."""

DEQUANTIZED = 4
"""Copies of the largest layer while a GGUF one is unpacked, in fp32 and in the computing dtype."""


@dataclass(frozen=True)
class Needs:
    """Bytes. The stages are the device's peaks; on the CPU they are RAM."""

    encode: int
    denoise: int
    decode: int
    ram: int
    disk: int = 0

    @property
    def device(self) -> int:
        """The device's peak over all stages."""
        return max(self.encode, self.denoise, self.decode)

    def fit(self, machine: Machine) -> bool:
        """Whether there is room for everything."""
        return not any(self.short(machine).values())

    def short(self, machine: Machine) -> dict[str, int]:
        """Bytes that are missing, by ``device``, ``ram`` and ``disk``; 0 where enough is free."""
        missing = {
            "device": self.device - machine.free,
            "ram": self.ram - machine.ram_free,
            "disk": self.disk - machine.disk_free,
        }
        return {kind: max(0, count) for kind, count in missing.items()}


def needs(spec: ModelSpec, rung: Rung, clip: Clip) -> Needs:
    """What ``rung`` needs to make ``clip`` with this model."""
    on_cpu = rung.device == "cpu"
    context = PROCESS if on_cpu else CONTEXT
    stages = {
        "encode": context + _encode(spec, rung),
        "denoise": context + _denoise(spec, rung, clip),
        "decode": context + _decode(spec, rung, clip),
    }
    ram = (PROCESS if on_cpu else PROCESS_WITH_GPU) + _ram(spec, rung)
    return Needs(
        **stages, ram=max(ram, *stages.values()) if on_cpu else ram, disk=_disk(spec, rung)
    )


def _home(rung: Rung, part: str) -> Home:
    return rung.transformer if part in TRANSFORMERS else getattr(rung, part)


def _resident(spec: ModelSpec, rung: Rung, besides: tuple[str, ...]) -> int:
    """Bytes of the parts that stay on the device while ``besides`` are at work."""
    return sum(
        sizes.weights(spec, part, rung)
        for part in spec.architecture.parts
        if part not in besides and _home(rung, part) is Home.DEVICE
    )


def _encode(spec: ModelSpec, rung: Rung) -> int:
    """The encoders work one after the other."""
    text = _present(spec, rung, "text_encoder") + sizes.text_encoding(spec, rung)
    text += _resident(spec, rung, ("text_encoder",))
    if spec.architecture.image_encoder is None:
        return text
    image = _present(spec, rung, "image_encoder") + _resident(spec, rung, ("image_encoder",))
    return max(text, image)


def _denoise(spec: ModelSpec, rung: Rung, clip: Clip) -> int:
    """Two experts work one after the other, and are both there only where they stay."""
    working = max(_present(spec, rung, part) for part in _transformers(spec))
    others = _resident(spec, rung, ("transformer",))
    results = sizes.denoising(spec, clip, rung) + _unpacking(spec, rung)
    return working + others + int(results * FRAGMENTATION)


def _decode(spec: ModelSpec, rung: Rung, clip: Clip) -> int:
    """The VAE at work: clips are decoded one by one, and encoded before that."""
    results = max(sizes.decoding(spec, clip, rung), sizes.following(spec, clip, rung))
    beside = _resident(spec, rung, ("vae",))
    return sizes.weights(spec, "vae", rung) + beside + int(results * FRAGMENTATION)


def _present(spec: ModelSpec, rung: Rung, part: str) -> int:
    """Bytes of a part's weights on the device while it works."""
    home = _home(rung, part)
    if home in (Home.BLOCKS, Home.BLOCKS_LEAN, Home.DISK_BLOCKS):
        return BLOCKS_ON_DEVICE * sizes.block(spec, rung) + sizes.outside_blocks(spec, rung)
    if home in (Home.LEAVES, Home.DISK_LEAVES):
        return _leaf(spec, rung, part)
    return sizes.weights(spec, part, rung)


def _leaf(spec: ModelSpec, rung: Rung, part: str) -> int:
    if part == "text_encoder":
        return sizes.largest_text_leaf(spec, rung)
    if part in TRANSFORMERS:
        return min(sizes.largest_leaf(spec, rung), sizes.weights(spec, part, rung))
    # The largest layer of a ViT holds 4 of a block's 12 width**2, so this is far on the safe side.
    return sizes.weights(spec, part, rung) // 8


def _unpacking(spec: ModelSpec, rung: Rung) -> int:
    """Where weights are stored narrower than they compute, a layer at a time is made wide."""
    if rung.precision not in (Precision.GGUF, Precision.FP8, Precision.INT8, Precision.FLOAT8):
        return 0
    copies = DEQUANTIZED if rung.precision is Precision.GGUF else 1
    return copies * sizes.largest_leaf(spec, rung)


def _transformers(spec: ModelSpec) -> list[str]:
    return [part for part in spec.architecture.parts if part in TRANSFORMERS]


def _ram(spec: ModelSpec, rung: Rung) -> int:
    """RAM beside the process: what waits there, and the part that is just being loaded.

    Parts are loaded one at a time: those that wait in RAM stay, the others pass through it. Where
    blocks are pinned as they are sent, one is on its way while the next is pinned.
    """
    parts = spec.architecture.parts
    sending = 2 * sizes.pinned_block(spec, rung) if rung.transformer is Home.BLOCKS_LEAN else 0
    passing = max(_passing(spec, rung, part) for part in parts)
    return sum(_waiting(spec, rung, part) for part in parts) + max(passing, sending)


def _waiting(spec: ModelSpec, rung: Rung, part: str) -> int:
    home = _home(rung, part)
    if home is Home.BLOCKS:
        return sizes.pinned(spec, part, rung)
    return sizes.weights(spec, part, rung) if _is_in_ram(rung, home) else 0


def _passing(spec: ModelSpec, rung: Rung, part: str) -> int:
    """What a part's loading needs on top of what then waits of it.

    Pinning copies a whole transformer before the first copy is let go.
    """
    loading = sizes.loading(spec, part, rung)
    if _is_in_ram(rung, _home(rung, part)):
        return loading - sizes.weights(spec, part, rung)
    return loading


def _is_in_ram(rung: Rung, home: Home) -> bool:
    """Whether a part waits in RAM in the form in which it was loaded."""
    return home in (Home.STAGE, Home.BLOCKS_LEAN, Home.LEAVES) or (
        home is Home.DEVICE and rung.device == "cpu"
    )


def _disk(spec: ModelSpec, rung: Rung) -> int:
    """What a folder for offloading holds."""
    return sum(
        sizes.weights(spec, part, rung)
        for part in spec.architecture.parts
        if _home(rung, part) in (Home.DISK_BLOCKS, Home.DISK_LEAVES)
    )
