"""Teaches the text encoder what captions say, before it trains along with the transformer.

Velocity errors hardly tell one motion from another at first, so that an encoder that learns from
them alone needs thousands of steps to tell "left" from "right". Naming the words of a caption from
the mean of its embeddings takes minutes and leaves every word in what the cross-attention reads.
"""

# diffusers annotates loosely and exports lazily.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import logging
from random import Random

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedTokenizerFast, UMT5EncoderModel

from training.captions import chinese, exact, paraphrase
from training.common import set_rate
from training.shapes import BACKGROUNDS, COLORS, MOTIONS, SHAPES, STYLES, Labels, random_labels
from training.tokenizer import MAX_LENGTH

log = logging.getLogger(__name__)

WORDS = (tuple(COLORS), SHAPES, MOTIONS, tuple(BACKGROUNDS))


def embed(
    text_encoder: UMT5EncoderModel, tokenizer: PreTrainedTokenizerFast, captions: list[str]
) -> Tensor:
    """Embeddings (B, 64, d), zeros after each caption's end, as `WanPipeline` makes them."""
    tokens = tokenizer(
        captions, padding=True, truncation=True, max_length=MAX_LENGTH, return_tensors="pt"
    ).to(text_encoder.device)
    states = text_encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
    states = states * tokens.attention_mask[..., None]
    return functional.pad(states, (0, 0, 0, MAX_LENGTH - states.shape[1]))


def teach(
    text_encoder: UMT5EncoderModel,
    tokenizer: PreTrainedTokenizerFast,
    steps: int = 300,
    rate: float = 1e-3,
) -> float:
    """Trains in place, 64 captions of every wording a step; returns the last loss (nats)."""
    rng, width, device = Random(0), text_encoder.config.d_model, text_encoder.device
    heads = nn.ModuleList(nn.Linear(width, len(words)) for words in WORDS).to(device)
    params = [*text_encoder.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(params, lr=rate)
    loss = torch.zeros(())
    for step in range(steps):
        set_rate(optimizer, rate * min(1.0, 2 * (1 - step / steps)))
        labels = [random_labels(rng, STYLES) for _ in range(64)]
        means = embed(text_encoder, tokenizer, [_caption(one, rng) for one in labels]).mean(1)
        loss = _loss(heads, means * (MAX_LENGTH / 16), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    log.info("text encoder: %d steps, loss %.3f over four words", steps, loss.item())
    return loss.item()


def _caption(labels: Labels, rng: Random) -> str:
    return rng.choice((exact(labels), paraphrase(labels, rng), chinese(labels, rng)))


def _loss(heads: nn.ModuleList, means: Tensor, labels: list[Labels]) -> Tensor:
    said = [(one.color, one.shape, one.motion, one.background) for one in labels]
    targets = [
        torch.tensor([words.index(word) for word in column], device=means.device)
        for words, column in zip(WORDS, zip(*said, strict=True), strict=True)
    ]
    pairs = zip(heads, targets, strict=True)
    return torch.stack([functional.cross_entropy(head(means), want) for head, want in pairs]).sum()
