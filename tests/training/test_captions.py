"""Captions: the exact grammar, the mix of kinds, and a tokenizer that takes any text."""

from random import Random

import pytest

from training.captions import chinese, exact, paraphrase, random_caption
from training.shapes import STYLES, Labels, random_labels
from training.tokenizer import MAX_LENGTH, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer()


def test_the_grammar():
    labels = Labels("red", "circle", "moving right", "black")
    assert exact(labels) == "a red circle moving right on a black background"


def test_a_tenth_is_empty_and_the_rest_never():
    rng = Random(0)
    captions = [random_caption(random_labels(rng, STYLES), rng) for _ in range(3000)]
    assert 0.08 < captions.count("") / len(captions) < 0.12


def test_paraphrases_vary():
    rng, labels = Random(0), Labels("red", "circle", "moving up", "navy")
    assert len({paraphrase(labels, rng) for _ in range(200)}) > 100
    assert all("{" not in paraphrase(labels, rng) for _ in range(500))
    assert any("升" in chinese(labels, rng) for _ in range(50))


@pytest.mark.parametrize(
    "text", ["a red ball 🎉", "一个红色的圆形向右移动", "Ünïcode ✓ text", "x" * 500]
)
def test_any_text_is_tokenized(tokenizer, text):
    ids = tokenizer(text, truncation=True, max_length=MAX_LENGTH).input_ids
    assert 1 < len(ids) <= MAX_LENGTH
    assert ids[-1] == tokenizer.eos_token_id
    assert all(0 <= i < len(tokenizer) for i in ids)


def test_captions_fit(tokenizer):
    rng = Random(1)
    captions = [random_caption(random_labels(rng, STYLES), rng) for _ in range(500)]
    assert max(len(ids) for ids in tokenizer(captions).input_ids) < MAX_LENGTH


def test_an_empty_text_is_one_token(tokenizer):
    assert tokenizer("").input_ids == [tokenizer.eos_token_id]
