"""A byte-level BPE tokenizer learned from the captions; any text at all can be tokenized."""

from __future__ import annotations

from random import Random

from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from training.captions import chinese, exact, paraphrase
from training.shapes import STYLES, random_labels

VOCABULARY, MAX_LENGTH = 768, 64
PAD, EOS = "<pad>", "</s>"


def corpus(count: int = 20_000, seed: int = 0) -> list[str]:
    """Captions of every kind."""
    rng = Random(seed)
    lines = []
    for _ in range(count):
        labels = random_labels(rng, STYLES)
        lines += [exact(labels), paraphrase(labels, rng), chinese(labels, rng)]
    return lines


def train_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer; lower-cases, ends each text with `</s>`, pads with `<pad>` (id 0)."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            # Each Chinese character is a token of its own, so that new wordings stay readable.
            pre_tokenizers.Split(Regex(r"[\u4e00-\u9fff]"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    end = (EOS, tokenizer.token_to_id(EOS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {EOS}", special_tokens=[end]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=EOS, model_max_length=512
    )
