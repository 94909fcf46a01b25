"""Writes and checks the diffusers folder that the app ships."""

# diffusers annotates loosely and exports lazily.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLWan,
    UniPCMultistepScheduler,
    WanPipeline,
    WanTransformer3DModel,
)
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from wan_demo import catalog

SHARD = "8MB"
TEXT_CONFIG = {
    "d_model": 128,
    "d_kv": 32,
    "d_ff": 256,
    "num_layers": 3,
    "num_heads": 4,
    "relative_attention_num_buckets": 16,
    "relative_attention_max_distance": 32,
    "dropout_rate": 0.0,
    "feed_forward_proj": "gated-gelu",
    "pad_token_id": 0,
    "eos_token_id": 1,
}
TRANSFORMER_CONFIG = dict(catalog.BUNDLED.architecture.transformer)
FLOW_SHIFT = 1.0


def new_text_encoder(vocabulary: int) -> UMT5EncoderModel:
    """An untrained text encoder."""
    return UMT5EncoderModel(UMT5Config(vocab_size=vocabulary, **TEXT_CONFIG))


def new_transformer() -> WanTransformer3DModel:
    """An untrained transformer whose first prediction is zero."""
    transformer = WanTransformer3DModel(**TRANSFORMER_CONFIG)
    torch.nn.init.zeros_(transformer.proj_out.weight)
    torch.nn.init.zeros_(transformer.proj_out.bias)
    return transformer


def new_scheduler() -> UniPCMultistepScheduler:
    """The multistep solver on the flow-matching schedule, as in Wan's own pipelines."""
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=FLOW_SHIFT,
        num_train_timesteps=1000,
    )


def write(
    folder: Path,
    tokenizer: PreTrainedTokenizerFast,
    text_encoder: UMT5EncoderModel,
    transformer: WanTransformer3DModel,
    vae: AutoencoderKLWan,
) -> None:
    """Saves the pipeline in fp16, sharded; keeps the folder's README."""
    pipeline = WanPipeline(
        tokenizer=tokenizer,
        text_encoder=text_encoder.half(),
        vae=vae.half(),
        scheduler=new_scheduler(),
        transformer=transformer.half(),
        expand_timesteps=True,
    )
    for part in ("tokenizer", "text_encoder", "vae", "transformer", "scheduler"):
        shutil.rmtree(folder / part, ignore_errors=True)
    pipeline.save_pretrained(folder, safe_serialization=True, max_shard_size=SHARD)
    _forget_machine(folder)


def _forget_machine(folder: Path) -> None:
    """Drops `_name_or_path`, which would name a folder of the machine that trained it."""
    for file in folder.rglob("*.json"):
        data = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(data, dict) and data.pop("_name_or_path", None) is not None:
            file.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
