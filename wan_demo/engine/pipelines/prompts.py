"""A request's prompts as the transformer reads them, made before the pipeline is called.

The text encoder is asked once for each text: while its embedding is remembered it is not needed,
wherever it is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from diffusers.utils.torch_utils import get_module_execution_device

from wan_demo.domain.prompt import clean
from wan_demo.domain.request import GenerationRequest
from wan_demo.engine.pipelines.load import Loaded
from wan_demo.engine.pipelines.remembered import Remembered, precision


@dataclass(frozen=True)
class Embedded:
    """Embeddings of shape (1, max_sequence_length, width), zeros behind the last token.

    ``negative`` is None without guidance, as nothing reads it then.
    """

    prompt: torch.Tensor
    negative: torch.Tensor | None

    def arguments(self) -> dict[str, Any]:
        """For any of diffusers' Wan pipelines."""
        return {"prompt_embeds": self.prompt, "negative_prompt_embeds": self.negative}


def embed(model: Loaded, request: GenerationRequest, remembered: Remembered) -> Embedded:
    """The request's prompts through the model's text encoder, or as remembered."""

    def of(text: str) -> torch.Tensor:
        return _embedding(model, clean(text), remembered)

    has_guidance = request.guidance_scale > 1
    return Embedded(
        prompt=of(request.prompt),
        negative=of(request.negative_prompt) if has_guidance else None,
    )


def _embedding(model: Loaded, text: str, remembered: Remembered) -> torch.Tensor:
    """On the device that the transformer computes on."""
    encoder, length = model.parts["text_encoder"], model.spec.max_sequence_length
    key = ("text", model.revision, precision(encoder), text, length)
    device = get_module_execution_device(model.parts["transformer"])

    def make() -> tuple[torch.Tensor]:
        return (encode(model.parts["tokenizer"], encoder, text, length),)

    return remembered.get(key, make, device)[0]


@torch.no_grad()
def encode(tokenizer: Any, encoder: Any, text: str, length: int) -> torch.Tensor:
    """The embedding (1, ``length``, width) of a cleaned text, cut after ``length`` tokens.

    The same bits as ``encode_prompt`` of diffusers' Wan pipelines gives for it.
    """
    tokens = tokenizer(
        [text], padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    device, count = get_module_execution_device(encoder), int(tokens.attention_mask.sum())
    made = encoder(tokens.input_ids.to(device), tokens.attention_mask.to(device))
    embedding = torch.zeros_like(made.last_hidden_state)
    embedding[:, :count] = made.last_hidden_state[:, :count]
    return embedding
