"""Puts trained parts together into the folder that the app ships."""

# diffusers annotates loosely and exports lazily.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from training import folder
from training.transformer import Joint
from training.vae import CONFIG

LOG_VARIANCE = -7.0


def with_statistics(vae: AutoencoderKLWan, mean: Tensor, std: Tensor) -> AutoencoderKLWan:
    """A copy of `vae` whose config holds the latents' `mean` and `std` (z,).

    Training used the mean alone, so the posterior's log-variance is set to a small constant.
    """
    config: dict[str, Any] = CONFIG | {
        "latents_mean": [round(v, 5) for v in mean.tolist()],
        "latents_std": [round(v, 5) for v in std.tolist()],
    }
    copy = AutoencoderKLWan(**config)
    copy.load_state_dict(vae.state_dict())
    half = CONFIG["z_dim"]
    with torch.no_grad():
        weight, bias = copy.quant_conv.parameters()
        weight[half:], bias[half:] = 0, LOG_VARIANCE
    return copy.eval()


def export(
    target: Path,
    tokenizer: PreTrainedTokenizerFast,
    joint: Joint,
    vae: AutoencoderKLWan,
    statistics: tuple[Tensor, Tensor],
) -> None:
    """Writes the diffusers folder `target`."""
    parts = with_statistics(vae, *statistics)
    folder.write(target, tokenizer, joint.text_encoder, joint.transformer, parts)
