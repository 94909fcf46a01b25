"""A prompt's tokens, counted by the checkpoint's own tokenizer and without torch."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from wan_demo.domain.model import ModelSpec
from wan_demo.domain.tokens import Tokens
from wan_demo.engine.panic import is_fault

log = logging.getLogger(__name__)

FILE = Path("tokenizer", "tokenizer.json")
"""In a diffusers folder of a Wan."""

LONGEST_FILE = 64 * 2**20
"""Bytes; umT5's has 17 MB."""

FolderOf = Callable[[ModelSpec], Path | None]
"""Where a model's diffusers folder is; None while it is not on this machine."""


class TokenCounter:
    """Counts as the text encoder's tokenizer does, where a model's is at hand."""

    def __init__(self, folder_of: FolderOf) -> None:
        self._folder_of = folder_of

    def __call__(self, spec: ModelSpec, text: str) -> Tokens | None:
        """The tokens of a text as it is encoded, without marks of weights; None: not known."""
        folder = self._folder_of(spec)
        if folder is None or not (folder / FILE).is_file():
            return None
        tokenizer = _tokenizer(folder / FILE)
        if tokenizer is None:
            return None
        try:
            return count(tokenizer, text, spec.max_sequence_length)
        except BaseException as error:
            if not is_fault(error):
                raise
            log.warning("the tokenizer of %s can't count: %s", spec.id, error)
            return None


def count(tokenizer: Tokenizer, text: str, limit: int) -> Tokens:
    """Tokens of ``text``, and what of it does not fit into ``limit``."""
    marks = tokenizer.num_special_tokens_to_add(is_pair=False)
    encoded = tokenizer.encode(text, add_special_tokens=False)
    fits = max(0, limit - marks)
    cut = text[encoded.offsets[fits][0] :].strip() if len(encoded.ids) > fits else ""
    return Tokens(len(encoded.ids) + marks, limit, cut)


@lru_cache(maxsize=2)  # umT5 has 256,384 entries
def _tokenizer(path: Path) -> Tokenizer | None:
    """None for a file that can't be read: the job itself will say so."""
    if path.stat().st_size > LONGEST_FILE:
        return None
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except BaseException as error:  # the library raises nothing narrower
        if not is_fault(error):
            raise
        log.exception("%s can't be read", path)
        return None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
