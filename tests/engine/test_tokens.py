"""Tokens counted without torch, against the tokenizer that the text encoder gets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from wan_demo import catalog
from wan_demo.domain.tokens import Tokens
from wan_demo.engine import tokens
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
    found = count(text)
    assert found is not None
    ids = theirs([text], truncation=True, max_length=found.limit).input_ids[0]
    assert bool(found.cut) == (found.count > found.limit)
    if found.cut:
        kept = text.removesuffix(found.cut)
        assert kept + found.cut == text
        assert theirs([kept.strip()]).input_ids[0] == ids


@pytest.mark.parametrize("content", [None, "{", '{"version": "1.0"}'])
def test_without_a_tokenizer_nothing_is_said(tmp_path, content):
    (tmp_path / "tokenizer").mkdir()
    if content is not None:
        (tmp_path / "tokenizer" / "tokenizer.json").write_text(content)
    assert TokenCounter(lambda _: tmp_path)(TINY, "a fox") is None
    assert TokenCounter(lambda _: None)(TINY, "a fox") is None


def spoilt(tmp_path: Path, **changes: object) -> TokenCounter:
    """A counter over the bundled tokenizer with some of it changed."""
    told = json.loads((folder() / "tokenizer" / "tokenizer.json").read_text())
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "tokenizer.json").write_text(json.dumps({**told, **changes}))
    return TokenCounter(lambda _: tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}},
        {"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"}},
        {"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "none"}},
        {"model": {"type": "Unigram", "vocab": [], "unk_id": None, "byte_fallback": False}},
    ],
    ids=["panics when read", "panics at a text", "lacks a word", "lacks all words"],
)
def test_a_tokenizer_that_fails_counts_nothing_and_ends_nothing(tmp_path, changes):
    assert spoilt(tmp_path, **changes)(TINY, "a fox") is None


def test_one_with_more_marks_than_there_is_room_for_cuts_all(tmp_path):
    words = {"Sequence": {"id": "A", "type_id": 0}}
    mark = {"SpecialToken": {"id": "</s>", "type_id": 0}}
    special = {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}
    many = {"type": "TemplateProcessing", "single": [words, *[mark] * 1000], "pair": []}
    found = spoilt(tmp_path, post_processor={**many, "special_tokens": special})(TINY, "a fox")
    assert found is not None
    assert found.cut == "a fox"


def test_a_file_of_gigabytes_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tokens, "LONGEST_FILE", 1000)
    assert spoilt(tmp_path)(TINY, "a fox") is None


def test_counting_needs_no_torch():
    code = "import sys, wan_demo.engine.tokens; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
