"""Whole-clip forward passes of `AutoencoderKLWan`, made for training on a CPU.

diffusers runs the Wan autoencoder in chunks of one and four frames with feature caches. All its
temporal kernels are causal, so the same numbers come out of one pass over the whole clip, except
at the resamplers, which treat the first frame apart. Here a clip travels as a batch of images
`(T*B, C, H, W)` in `channels_last`, time-major, so that "one frame back" is a contiguous slice and
every 3x3x3 kernel becomes three 2-D convolutions (one, for a single frame). Source of the
semantics: `diffusers/models/autoencoders/autoencoder_kl_wan.py` (0.42).
"""

# diffusers annotates loosely and exports lazily.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import math

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import (
    WanAttentionBlock,
    WanCausalConv3d,
    WanResample,
    WanResidualBlock,
    WanRMS_norm,
)
from torch import Tensor, nn
from torch.nn import functional


def encode(vae: AutoencoderKLWan, clip: Tensor) -> Tensor:
    """Latent mean of `clip` (B, 3, T, H, W) in [-1, 1]: (B, z, (T-1)/4+1, H/8, W/8), raw scale."""
    batch = clip.shape[0]
    encoder = vae.encoder
    x = _causal_conv(encoder.conv_in, _to_images(clip), batch)
    for layer in encoder.down_blocks:
        x = _layer(layer, x, batch)
    x = _head(encoder, _mid(encoder.mid_block, x, batch), batch)
    x = _causal_conv(vae.quant_conv, x, batch)
    return _to_clip(x, batch).chunk(2, dim=1)[0]


def decode(vae: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """Clip (B, 3, T, H, W) of raw `latents` (B, z, t, h, w), *without* the clamp to [-1, 1]."""
    batch = latents.shape[0]
    decoder = vae.decoder
    x = _causal_conv(vae.post_quant_conv, _to_images(latents), batch)
    x = _mid(decoder.mid_block, _causal_conv(decoder.conv_in, x, batch), batch)
    for block in decoder.up_blocks:
        for layer in [*block.resnets, *(block.upsamplers or [])]:
            x = _layer(layer, x, batch)
    return _to_clip(_head(decoder, x, batch), batch)


def _to_images(clip: Tensor) -> Tensor:
    """(B, C, T, H, W) -> (T*B, C, H, W), channels last."""
    b, c, t, h, w = clip.shape
    images = clip.permute(2, 0, 1, 3, 4).reshape(t * b, c, h, w)
    return images.contiguous(memory_format=torch.channels_last)


def _to_clip(images: Tensor, batch: int) -> Tensor:
    """(T*B, C, H, W) -> (B, C, T, H, W)."""
    return images.unflatten(0, (-1, batch)).permute(1, 2, 0, 3, 4)


def _layer(layer: nn.Module, x: Tensor, batch: int) -> Tensor:
    if isinstance(layer, WanResidualBlock):
        return _residual(layer, x, batch)
    if isinstance(layer, WanResample):
        return _resample(layer, x, batch)
    if isinstance(layer, WanAttentionBlock):
        return _attention(layer, x)
    raise TypeError(f"no fast path for {type(layer).__name__}")


def _mid(block: nn.Module, x: Tensor, batch: int) -> Tensor:
    x = _residual(block.resnets[0], x, batch)
    for attention, resnet in zip(block.attentions, block.resnets[1:], strict=True):
        x = _residual(resnet, _attention(attention, x), batch)
    return x


def _head(coder: nn.Module, x: Tensor, batch: int) -> Tensor:
    return _causal_conv(coder.conv_out, functional.silu(_norm(coder.norm_out, x)), batch)


def _residual(block: WanResidualBlock, x: Tensor, batch: int) -> Tensor:
    shortcut = x
    if isinstance(block.conv_shortcut, WanCausalConv3d):
        shortcut = _causal_conv(block.conv_shortcut, x, batch)
    x = _causal_conv(block.conv1, functional.silu(_norm(block.norm1, x)), batch)
    x = _causal_conv(block.conv2, functional.silu(_norm(block.norm2, x)), batch)
    return x + shortcut


def _norm(norm: WanRMS_norm, x: Tensor) -> Tensor:
    scale = torch.rsqrt(x.square().sum(1, keepdim=True).clamp_min(1e-24))
    return x * scale * (norm.gamma.reshape(1, -1, 1, 1) * math.sqrt(x.shape[1]))


def _attention(block: WanAttentionBlock, x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    qkv = block.to_qkv(_norm(block.norm, x))
    q, k, v = qkv.flatten(2).transpose(1, 2).unsqueeze(1).chunk(3, dim=-1)
    out = functional.scaled_dot_product_attention(q, k, v).squeeze(1).transpose(1, 2)
    return x + block.proj(out.reshape(n, c, h, w))


def _causal_conv(conv: WanCausalConv3d, x: Tensor, batch: int) -> Tensor:
    """`conv` over time-major images with zeros before the first frame; stride 1."""
    taps = conv.weight.unbind(2)
    padding = conv._padding[0]
    out = functional.conv2d(x, taps[-1], conv.bias, padding=padding)
    for back in range(1, len(taps)):
        if x.shape[0] > back * batch:
            earlier = functional.conv2d(x[: -back * batch], taps[-1 - back], None, padding=padding)
            out[back * batch :] += earlier
    return out


def _resample(layer: WanResample, x: Tensor, batch: int) -> Tensor:
    if layer.mode == "upsample3d":
        x = _double_frames(layer, x, batch)
    if layer.mode.startswith("upsample"):
        x = functional.interpolate(x, scale_factor=2.0, mode="nearest-exact")
        return layer.resample[1](x)
    x = layer.resample(x)
    return _halve_frames(layer, x, batch) if layer.mode == "downsample3d" else x


def _double_frames(layer: WanResample, x: Tensor, batch: int) -> Tensor:
    """The first frame stays single and unseen by the others; each later one becomes two."""
    first, rest = x[:batch], x[batch:]
    if not rest.shape[0]:
        return first
    _, c, h, w = rest.shape
    both = _causal_conv(layer.time_conv, rest, batch).reshape(-1, batch, 2, c, h, w)
    both = both.transpose(1, 2).reshape(-1, c, h, w)
    return torch.cat([first, both]).contiguous(memory_format=torch.channels_last)


def _halve_frames(layer: WanResample, x: Tensor, batch: int) -> Tensor:
    """The first frame passes; the others merge by a kernel of three at stride two."""
    frames = x.unflatten(0, (-1, batch))
    if frames.shape[0] == 1:
        return x
    weight, bias = layer.time_conv.weight, layer.time_conv.bias
    picked = [frames[:-2:2], frames[1:-1:2], frames[2::2]]
    taps = weight.squeeze((3, 4)).unbind(2)
    merged = sum(
        functional.conv2d(p.flatten(0, 1), tap[:, :, None, None], bias if i == 0 else None)
        for i, (p, tap) in enumerate(zip(picked, taps, strict=True))
    )
    return torch.cat([x[:batch], merged])
