"""A request's prompts as the transformer reads them, made before the pipeline is called.

The text encoder is asked once for each text: while its embedding is remembered it is not needed,
wherever it is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.utils.torch_utils import get_module_execution_device

from wan_demo.domain.prompt import Phrase, phrases
from wan_demo.domain.request import GenerationRequest
from wan_demo.engine.pipelines.load import Loaded
from wan_demo.engine.pipelines.remembered import Remembered, precision


@dataclass(frozen=True)
class Embedded:
    """Embeddings of shape (1, max_sequence_length, width), zeros behind the last token.

    ``negative`` is None without guidance, as nothing reads it then; ``end`` where the prompt stays.
    ``source`` is what an edited video shows now, None where nobody asks.
    """

    prompt: torch.Tensor
    negative: torch.Tensor | None
    end: torch.Tensor | None = None
    source: torch.Tensor | None = None

    def arguments(self) -> dict[str, Any]:
        """For any of diffusers' Wan pipelines."""
        return {"prompt_embeds": self.prompt, "negative_prompt_embeds": self.negative}

    def at(self, step: int, steps: int) -> torch.Tensor:
        """What ``step`` (from 0) of ``steps`` reads: ``prompt`` at the first, ``end`` at the last.

        In between it moves in equal parts, token by token.
        """
        if self.end is None or steps < 2:
            return self.prompt
        mixed = torch.lerp(self.prompt.float(), self.end.float(), step / (steps - 1))
        return mixed.to(self.prompt.dtype)


def embed(model: Loaded, request: GenerationRequest, remembered: Remembered) -> Embedded:
    """The request's prompts through the model's text encoder, or as remembered."""

    def of(field: str) -> torch.Tensor:
        return _weighted(model, phrases(getattr(request, field), field), remembered)

    return Embedded(
        prompt=of("prompt"),
        negative=of("negative_prompt") if request.is_guided else None,
        end=of("prompt_end") if request.prompt_end else None,
        source=of("source_prompt") if request.source_prompt is not None else None,
    )


def _weighted(model: Loaded, found: Sequence[Phrase], remembered: Remembered) -> torch.Tensor:
    """One embedding serves all weights: they are put on afterwards, by ``weights``."""
    text = "".join(phrase.text for phrase in found)
    embedding = _embedding(model, text, remembered)
    if all(phrase.weight == 1 for phrase in found):
        return embedding
    scale = weights(model.parts["tokenizer"], found, embedding.shape[1])
    return embedding * scale.to(embedding).view(1, -1, 1)


def weights(tokenizer: Any, found: Sequence[Phrase], length: int) -> torch.Tensor:
    """What each of ``length`` tokens' embeddings is multiplied by, to weigh phrases.

    A token counts as much as the letters that it stands for do on average; the mark of the end
    and the padding count 1. The encoder's output is scaled, as AUTOMATIC1111's web UI does it
    (``modules/sd_emphasis.py``, "No norm"). So 0 gives the zeros that diffusers pads with.
    """
    text = "".join(phrase.text for phrase in found)
    letters = [phrase.weight for phrase in found for _ in phrase.text]
    spans = tokenizer(
        text, max_length=length, truncation=True, return_offsets_mapping=True
    ).offset_mapping
    scale = torch.ones(length)
    for token, (start, end) in enumerate(spans):
        counted = [letters[at] for at in range(start, end) if not text[at].isspace()]
        if counted:
            scale[token] = sum(counted) / len(counted)
    return scale


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
