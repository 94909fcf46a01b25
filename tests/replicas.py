"""Small faithful replicas of the Wan checkpoints: the same classes and config keys, few layers.

``publish(spec, folder)`` writes the diffusers folder that the hub would serve for a spec, with
random weights of seed 0.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    PreTrainedTokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
)

from wan_demo.domain.architecture import Architecture, Config
from wan_demo.domain.model import ModelSpec

# Widths that GGUF's blocks divide: 32 numbers, and 256 of the K-quants along the inner one.
TEXT_WIDTH, HEADS, HEAD_WIDTH, LAYERS, INNER = 32, 2, 16, 2, 256
IMAGE_WIDTH, IMAGE_SIDE, IMAGE_PATCH = 16, 32, 16
IMAGE_TOKENS = (IMAGE_SIDE // IMAGE_PATCH) ** 2 + 1


def small_transformer(config: Config) -> dict[str, Any]:
    """The config of a replica: channels, patches and switches stay, widths and depth shrink."""
    small = dict(config) | {
        "num_layers": LAYERS,
        "num_attention_heads": HEADS,
        "attention_head_dim": HEAD_WIDTH,
        "ffn_dim": INNER,
        "text_dim": TEXT_WIDTH,
        "freq_dim": 16,
        "rope_max_seq_len": 64,
    }
    if config.get("image_dim"):
        small |= {"image_dim": IMAGE_WIDTH, "added_kv_proj_dim": HEADS * HEAD_WIDTH}
    if config.get("pos_embed_seq_len"):
        small["pos_embed_seq_len"] = 2 * IMAGE_TOKENS
    if "vace_layers" in config:
        small["vace_layers"] = [0, 1]
    return small


def small_vae(config: Config) -> dict[str, Any]:
    """The VAE's config at a few channels; what decides shapes stays."""
    small = dict(config) | {"base_dim": 4, "num_res_blocks": 1}
    if "decoder_base_dim" in config:
        small["decoder_base_dim"] = 4
    z = config["z_dim"]
    return {k: list(v) if isinstance(v, tuple) else v for k, v in small.items()} | {
        "latents_mean": [0.0] * z,
        "latents_std": [1.0] * z,
    }


def build(architecture: Architecture) -> dict[str, Any]:
    """The parts of a replica, by their folders' names, with random weights of seed 0."""
    torch.manual_seed(0)
    transformer_class = getattr(diffusers, architecture.transformer_class)
    config = small_transformer(architecture.transformer)
    parts: dict[str, Any] = {
        "tokenizer": new_tokenizer(),
        "text_encoder": UMT5EncoderModel(
            UMT5Config(
                vocab_size=300, d_model=TEXT_WIDTH, d_kv=8, d_ff=32, num_layers=2, num_heads=2
            )
        ),
        "vae": AutoencoderKLWan(**small_vae(architecture.vae)),
        "transformer": transformer_class(**config),
    }
    if architecture.experts == 2:
        parts["transformer_2"] = transformer_class(**config)
    if architecture.image_encoder:
        parts |= _image_parts()
    return parts


def publish(spec: ModelSpec, folder: Path, shard: str = "5GB") -> Path:
    """Write the folder that the hub would serve for ``spec``."""
    parts = build(spec.architecture)
    index: dict[str, Any] = {"_class_name": "WanPipeline", "_diffusers_version": "0.35.0"}
    for name, part in parts.items():
        sharding = {"max_shard_size": shard} if hasattr(part, "parameters") else {}
        if name == "text_encoder":  # the transformers lie on the hub in fp32
            part.to(torch.bfloat16)
        part.save_pretrained(folder / name, **sharding)
        index[name] = [type(part).__module__.split(".")[0], type(part).__name__]
    _scheduler().save_pretrained(folder / "scheduler")
    index["scheduler"] = ["diffusers", "UniPCMultistepScheduler"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    return folder


def euler() -> FlowMatchEulerDiscreteScheduler:
    """The scheduler that distilled checkpoints come with."""
    return FlowMatchEulerDiscreteScheduler(shift=5.0)


def _scheduler() -> UniPCMultistepScheduler:
    """As in the converted checkpoints, their flow_shift of 3.0 included."""
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    )


def _image_parts() -> dict[str, Any]:
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=IMAGE_WIDTH,
            intermediate_size=32,
            projection_dim=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            image_size=IMAGE_SIDE,
            patch_size=IMAGE_PATCH,
        )
    )
    side = {"height": IMAGE_SIDE, "width": IMAGE_SIDE}
    processor = CLIPImageProcessor(size={"shortest_edge": IMAGE_SIDE}, crop_size=side)
    return {"image_encoder": encoder, "image_processor": processor}


def new_tokenizer() -> PreTrainedTokenizerFast:
    """Byte by byte, so that any prompt has tokens; id 0 pads, id 1 ends."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<pad>": 0, "</s>": 1} | {char: i + 2 for i, char in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", model_max_length=512
    )
