"""How large weights and intermediate results are, from a spec's configs.

Reckoned from the order of operations in diffusers 0.42.1 (``transformer_wan.py``,
``autoencoder_kl_wan.py``), without running it. Where figures were published they are named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, log2, prod

from wan_demo.domain.architecture import Call, Config
from wan_demo.domain.memory import Precision
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.engine.memory.gguf import bits_per_weight
from wan_demo.engine.memory.ladder import Rung

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Of a number, by torch's name of its dtype."""

TRANSFORMERS = ("transformer", "transformer_2")
CACHED_FRAMES = 2  # autoencoder_kl_wan.CACHE_T
TILE, TILE_STRIDE = 256, 192  # AutoencoderKLWan.tile_sample_min_*, tile_sample_stride_*


@dataclass(frozen=True)
class Clip:
    """What is to be made: pixels, frames, and from what.

    Without a ``task`` it is the model's hungriest. ``references`` are pictures beside the clip,
    each of which is a latent frame more.
    """

    width: int
    height: int
    frames: int
    task: Task | None = None
    references: int = 0


def weights(spec: ModelSpec, part: str, rung: Rung) -> int:
    """Bytes of a part as the rung keeps it."""
    count = spec.architecture.parameters[part]
    if part in TRANSFORMERS:
        return _transformer_bytes(spec, part, rung)
    if part == "text_encoder":
        return count * BYTES[rung.dtype] + _kept_in_fp32(spec.architecture.text_encoder, rung)
    return count * (BYTES[rung.vae_dtype] if part == "vae" else BYTES["float32"])


def all_weights(spec: ModelSpec, rung: Rung) -> int:
    """Bytes of all parts as the rung keeps them."""
    return sum(weights(spec, part, rung) for part in spec.architecture.parts)


def loading(spec: ModelSpec, part: str, rung: Rung) -> int:
    """Bytes of a part while it is loaded: quantizing starts from the whole in ``dtype``."""
    if part in TRANSFORMERS and rung.precision is not Precision.GGUF:
        return spec.architecture.parameters[part] * BYTES[rung.dtype]
    return weights(spec, part, rung)


def _transformer_bytes(spec: ModelSpec, part: str, rung: Rung) -> int:
    count, bits = spec.architecture.parameters[part], bits_per_weight(spec, part)
    if bits is not None:
        return int(count * bits / 8)
    wide = BYTES[rung.dtype]
    if rung.precision in (Precision.FP8, Precision.INT8, Precision.FLOAT8):
        kept = _outside_blocks(spec)
        return kept * wide + (count - kept)
    return count * wide


def _outside_blocks(spec: ModelSpec) -> int:
    """Parameters of the condition embedder: in no block, and left wide by layerwise casting.

    Linear layers: time_proj d x 6d, time_embedder d x (freq + d), text_embedder d x (text + d).
    """
    config, width = spec.architecture.transformer, _width(spec)
    return width * (8 * width + config["freq_dim"] + config["text_dim"])


def _kept_in_fp32(text_encoder: Config, rung: Rung) -> int:
    """transformers keeps UMT5's ``wo`` in fp32 where the rest is fp16, which would overflow."""
    if rung.dtype != "float16":
        return 0
    return 2 * text_encoder["num_layers"] * text_encoder["d_ff"] * text_encoder["d_model"]


def _width(spec: ModelSpec) -> int:
    config = spec.architecture.transformer
    return config["num_attention_heads"] * config["attention_head_dim"]


def block(spec: ModelSpec, rung: Rung) -> int:
    """Bytes of one block of the transformer, VACE's among them."""
    stored = weights(spec, "transformer", rung)
    config = spec.architecture.transformer
    blocks = config["num_layers"] + len(config.get("vace_layers", ()))
    return (stored - outside_blocks(spec, rung)) // blocks


def outside_blocks(spec: ModelSpec, rung: Rung) -> int:
    """Bytes of the layers that group offloading keeps on the device for a whole pass."""
    return _outside_blocks(spec) * BYTES[rung.dtype]


def largest_leaf(spec: ModelSpec, rung: Rung) -> int:
    """Bytes of the transformer's largest layer: time_proj (d x 6d) or the first of the FFN."""
    width, hidden = _width(spec), spec.architecture.transformer["ffn_dim"]
    return max(6 * width * width, width * hidden) * BYTES[rung.dtype]


def largest_text_leaf(spec: ModelSpec, rung: Rung) -> int:
    """Bytes of the text encoder's largest layer, its embedding: 2.1 GB of UMT5-XXL's in bf16."""
    config = spec.architecture.text_encoder
    rows = max(config.get("vocab_size", 0), config["d_ff"])
    return rows * config["d_model"] * BYTES[rung.dtype]


def pinned(spec: ModelSpec, part: str, rung: Rung) -> int:
    """Bytes of a transformer's copy in pinned RAM.

    torch's host allocator (CachingHostAllocator) rounds every tensor up to a power of two. Of a
    block's 8 matrices d x d and 2 of d x ffn, 14B's 52.4 and 141.6 MB become 67.1 and 268.4 MB:
    1.53 times, 87 GB for the two experts of A14B in bf16. (About 80 GB of RAM is what users
    report, and count 2**30 bytes as one.)
    """
    return int(weights(spec, part, rung) * _pinning(spec, rung))


def pinned_block(spec: ModelSpec, rung: Rung) -> int:
    """Bytes of one block's copy in pinned RAM."""
    return int(block(spec, rung) * _pinning(spec, rung))


def _pinning(spec: ModelSpec, rung: Rung) -> float:
    """How many times larger a block is when each of its matrices is a power of two."""
    width, hidden = _width(spec), spec.architecture.transformer["ffn_dim"]
    size = weights(spec, "transformer", rung) / spec.architecture.parameters["transformer"]
    matrices = [width * width * size] * 8 + [width * hidden * size] * 2
    return sum(2 ** ceil(log2(each)) for each in matrices) / sum(matrices)


def tokens(spec: ModelSpec, clip: Clip) -> int:
    """Length of the transformer's sequence for one clip."""
    vae, patch = spec.architecture.vae, spec.architecture.transformer["patch_size"]
    space = vae.get("scale_factor_spatial", 8)
    frames = (clip.frames - 1) // vae.get("scale_factor_temporal", 4) + 1 + clip.references
    sides = (frames, clip.height / space, clip.width / space)
    return prod(ceil(side / step) for side, step in zip(sides, patch, strict=True))


def denoising(spec: ModelSpec, clip: Clip, rung: Rung) -> int:
    """Bytes of intermediate results at the peak of one pass of the transformer.

    Guidance runs its two passes one after the other, so it doubles nothing. Of a clip that is
    longer than what the model makes at once, a pass sees a window.
    """
    clip = replace(clip, frames=min(clip.frames, spec.limits.max_frames))
    count = tokens(spec, clip)
    unit = count * _width(spec) * BYTES[rung.dtype]
    return int(unit * _units(spec, clip, rung)) + _rotary(spec, count) + _scores(spec, count, rung)


def _units(spec: ModelSpec, clip: Clip, rung: Rung) -> float:
    """The peak in tensors of tokens x width in the computing dtype.

    In a half-precision block of ``WanTransformerBlock.forward``:
    - a gated residual in fp32: hidden states, normed ones, attention's output (1 each) and the
      FFN's (1), with their fp32 forms (2), the gated product (2) and the sum (2): 10;
    - the FFN: hidden, normed, attention's output (3), the hidden layer before and after GELU
      (2 x ffn / width): 8.4 for 14B, 12.3 for 5B, 14.7 for 1.3B;
    - self-attention by a fused kernel: 9. In fp32 the casts are free, so that the residual is 7.
    """
    config = spec.architecture.transformer
    residual = 7.0 if rung.dtype == "float32" else 10.0
    inside = max(residual, 3 + 2 * config["ffn_dim"] / _width(spec))
    return inside + _vace_units(config) + _per_token_units(spec, clip, rung)


def _vace_units(config: Config) -> int:
    """VACE's control stream, and one hint for each of its blocks, all held until used."""
    layers = len(config.get("vace_layers", ()))
    return layers + 1 if layers else 0


def _per_token_units(spec: ModelSpec, clip: Clip, rung: Rung) -> int:
    """A timestep for each token (TI2V from a picture): six modulations of the full width, 6 as
    projected and 12 in fp32, through every block. From text one timestep does for all."""
    if not spec.first_frame_by_timestep or clip.task not in (None, Task.IMAGE_TO_VIDEO):
        return 0
    return 12 if rung.dtype == "float32" else 18


def _rotary(spec: ModelSpec, count: int) -> int:
    """cos and sin of the rotary embedding, fp32, shared by the heads."""
    return count * spec.architecture.transformer["attention_head_dim"] * 2 * 4


def _scores(spec: ModelSpec, count: int, rung: Rung) -> int:
    """Attention's scores where they are made as a whole, in the dtype and again in fp32.

    MPS only (github.com/lllyasviel/FramePack/pull/170, github.com/pytorch/pytorch/issues/149261);
    CUDA and the CPU have fused kernels.
    """
    if rung.device != "mps":
        return 0
    return spec.architecture.transformer["num_attention_heads"] * count**2 * (BYTES[rung.dtype] + 4)


def text_encoding(spec: ModelSpec, rung: Rung) -> int:
    """Bytes of the text encoder's intermediate results for one prompt.

    Its attention is not fused: scores, bias, their sum and softmax in fp32 (4 x heads x length
    squared); around it four tensors of d_model and the three of the gated FFN.
    """
    config, length = spec.architecture.text_encoder, spec.max_sequence_length
    scores = 4 * config.get("num_heads", 8) * length**2 * 4
    return scores + length * (4 * config["d_model"] + 3 * config["d_ff"]) * BYTES[rung.dtype]


def decoding(spec: ModelSpec, clip: Clip, rung: Rung) -> int:
    """Bytes of intermediate results at the peak of decoding one clip, the video among them.

    Encoding a medium takes less (ComfyUI reckons 6,000 against 7,000 numbers a pixel for the 2.1
    VAE, and less than half for 2.2's), with the same parts around it, so it is not asked apart;
    but for VACE (``following``).

    Published for Wan2.1, fp32, 832x480x81: 8.19 GB with the VAE's weights (Wan2.1's README, for
    the 1.3B with offloading); this gives 8.8. For Wan2.2's, fp32, 1280x704x121: 26 GB in all
    (github.com/huggingface/diffusers/issues/12097); this gives 25.4 with weights and context.
    """
    vae, size = spec.architecture.vae, BYTES[rung.vae_dtype]
    video = _video(clip)
    if not rung.vae_tiling:
        pixels = clip.width * clip.height
        # Twice the video: frames are appended by copying all, and the clamp makes another.
        return int((pixels * _numbers_a_pixel(vae) + 2 * video) * size)
    pixels = min(TILE, clip.width) * min(TILE, clip.height)
    kept = 3 * clip.frames * _covered(clip.width) * _covered(clip.height)
    # All tiles are kept until they are blended into rows, the rows into a video, and clamped.
    return int((pixels * _numbers_a_pixel(vae) + kept + 3 * video) * size)


def following(spec: ModelSpec, clip: Clip, rung: Rung) -> int:
    """Bytes of intermediate results while VACE encodes what it is to follow; 0 for other calls.

    ``WanVACEPipeline`` holds the video and the mask, as large where it makes it, in fp32, and in
    ``prepare_video_latents`` the video (again in half precision), the mask, and what is kept and
    what is made anew of the video in the VAE's dtype. Of a clip of many windows they are more
    than its decoded video, by which ``decoding`` grows. The encoder beside them is reckoned like
    the decoder, of which it takes 6 parts of 7.
    """
    tasks = spec.calls if clip.task is None else (clip.task,)
    if Call.CONTROL not in (spec.calls.get(task) for task in tasks):
        return 0
    size, pixels = BYTES[rung.vae_dtype], clip.width * clip.height
    if rung.vae_tiling:
        pixels = min(TILE, clip.width) * min(TILE, clip.height)
    encoder = int(pixels * _numbers_a_pixel(spec.architecture.vae) * size * 6 / 7)
    in_dtype = 3 if size == BYTES["float32"] else 4
    return encoder + _video(clip) * (2 * BYTES["float32"] + in_dtype * size)


def _video(clip: Clip) -> int:
    """Numbers of a clip's pixels."""
    return 3 * clip.frames * clip.width * clip.height


def _covered(side: int) -> int:
    """The lengths of a side's overlapping tiles together."""
    return sum(min(TILE, side - start) for start in range(0, side, TILE_STRIDE))


def _numbers_a_pixel(vae: Config) -> float:
    """Numbers that decoding one latent frame holds for each pixel of the video's frames."""
    patch = vae.get("patch_size") or 1
    return (_cached(vae) + _widest_block(vae)) / patch**2


def _decoder_widths(vae: Config) -> list[tuple[int, int]]:
    """Channels in and out of each upsampling block, from latents to pixels (``WanDecoder3d``)."""
    base, mult = vae.get("decoder_base_dim") or vae["base_dim"], tuple(vae["dim_mult"])
    widths = [base * each for each in (mult[-1], *reversed(mult))]
    halves = 1 if vae.get("is_residual") else 2  # the 2.1 VAE's upsamplers halve the channels
    return [(low // (halves if i else 1), high) for i, (low, high) in enumerate(pairwise(widths))]


def _cached(vae: Config) -> float:
    """Numbers per place of the decoder's last block that its feature caches hold.

    Each causal convolution keeps its last two input frames: two convolutions a residual block,
    in blocks of a quarter of the places each further down, then the last convolution's.
    """
    widths, convolutions = _decoder_widths(vae), 2 * (vae["num_res_blocks"] + 1)
    total = float(widths[-1][1])
    for depth, (low, high) in enumerate(reversed(widths)):
        total += (low + (convolutions - 1) * high) / 4**depth
    return CACHED_FRAMES * total


def _widest_block(vae: Config) -> int:
    """Numbers per place at the peak of the last block's first convolution.

    Of ``frames`` frames: its input, the residual copies of it, the normed input, the frames to
    cache, the padded input, the output, and the channels-last copies of both that cuDNN makes.
    """
    low, high = _decoder_widths(vae)[-1]
    frames = 2 ** sum(vae["temperal_downsample"])
    shortcut = frames * high if low != high else 0
    residual = frames * low if vae.get("is_residual") else 0
    padded, out = (frames + CACHED_FRAMES) * low, frames * high
    return 2 * frames * low + residual + shortcut + CACHED_FRAMES * low + 2 * (padded + out)
