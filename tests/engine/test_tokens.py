"""Tokens counted without torch, against the tokenizer that the text encoder gets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from wan_demo import catalog
from wan_demo.domain.tokens import Tokens
from wan_demo.engine.tokens import TokenCounter

TINY = catalog.BUNDLED
ROOT = Path(__file__).resolve().parents[2]


def folder() -> Path:
    assert isinstance(TINY.weights.base, Path)
    return TINY.weights.base


def count(text: str) -> Tokens | None:
    return TokenCounter(lambda _: folder())(TINY, text)


@pytest.mark.parametrize(
    "text", ["a red circle moving right", "红色的圆形，向右移动", "", "a fox (slow) & <b>" * 3]
)
def test_a_text_has_the_tokens_that_the_text_encoder_gets(text):
    theirs = AutoTokenizer.from_pretrained(folder() / "tokenizer")
    assert count(text) == Tokens(len(theirs([text]).input_ids[0]), TINY.max_sequence_length)


@pytest.mark.parametrize("length", [62, 63, 64, 65, 200])
def test_what_is_cut_is_what_the_text_encoder_does_not_get(length):
    words = [f"{word}" for word in ("red", "circle", "star")][: length % 3 + 1] * length
    text = " ".join(words[:length])
    theirs = AutoTokenizer.from_pretrained(folder() / "tokenizer")
    tokens = count(text)
    assert tokens is not None
    ids = theirs([text], truncation=True, max_length=tokens.limit).input_ids[0]
    assert bool(tokens.cut) == (tokens.count > tokens.limit)
    if tokens.cut:
        kept = text.removesuffix(tokens.cut)
        assert kept + tokens.cut == text
        assert theirs([kept.strip()]).input_ids[0] == ids


@pytest.mark.parametrize("content", [None, "{", '{"version": "1.0"}'])
def test_without_a_tokenizer_nothing_is_said(tmp_path, content):
    (tmp_path / "tokenizer").mkdir()
    if content is not None:
        (tmp_path / "tokenizer" / "tokenizer.json").write_text(content)
    assert TokenCounter(lambda _: tmp_path)(TINY, "a fox") is None
    assert TokenCounter(lambda _: None)(TINY, "a fox") is None


def test_counting_needs_no_torch():
    code = "import sys, wan_demo.engine.tokens; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
