"""Prompts on their way to the transformer, on replicas of real checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanPipeline
from diffusers.pipelines.wan.pipeline_wan import prompt_clean
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from tests import replicas
from tests.engine.pipelines.test_calls import inputs, request
from wan_demo import catalog
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Finished, Frames
from wan_demo.domain.prompt import Phrase, clean, phrases
from wan_demo.domain.request import Task
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.engine.pipelines.prompts import Embedded, embed, encode, weights
from wan_demo.engine.pipelines.remembered import Remembered

IDS = ("wan2.1-t2v-1.3b", "wan2.1-i2v-14b-480p", "wan2.2-i2v-a14b", "wan2.2-ti2v-5b")
TEXT = catalog.find(IDS[0])
T2V, I2V, V2V = Task
PROMPTS = ("a fox", "  a  fox &amp;amp; a cat\n", "红色的圆形，向右移动", "x" * 600, "")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("replicas")
    return {name: replicas.publish(catalog.find(name), root / name) for name in IDS}


@pytest.fixture
def engine(folders) -> PipelineEngine:
    """One that remembers nothing yet."""
    return PipelineEngine(
        catalog.find, lambda spec, *_: Checkpoint(folders[spec.id], {}, {}), "cpu"
    )


def frames(engine: PipelineEngine, spec: Any, task: Task = T2V, **changes: Any) -> Frames:
    asked = request(spec, task).model_copy(update=changes)
    *_, last = engine.generate(asked, inputs(spec, task))
    assert isinstance(last, Finished)
    return last.frames


@contextmanager
def calls(engine: PipelineEngine, part: str) -> Iterator[list[Any]]:
    """The arguments of each real forward pass of one of the loaded model's parts."""
    assert engine._loaded is not None
    module, seen = engine._loaded.parts[part], []
    hook = module.register_forward_pre_hook(lambda _, *given: seen.append(given), with_kwargs=True)
    try:
        yield seen
    finally:
        hook.remove()


@contextmanager
def encoded(engine: PipelineEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The shapes that the loaded model's VAE encodes."""
    assert engine._loaded is not None
    vae, seen = engine._loaded.parts["vae"], []
    original = vae.encode
    with monkeypatch.context() as patch:
        patch.setattr(vae, "encode", lambda x: seen.append(x.shape) or original(x))
        yield seen


@given(st.text())
def test_text_is_cleaned_as_diffusers_does(text):
    assert clean(text) == prompt_clean(text)


@pytest.mark.parametrize("text", PROMPTS)
def test_an_embedding_has_the_bits_of_diffusers_own(text):
    parts = replicas.build(TEXT.architecture)
    parts["text_encoder"].eval()
    pipe = WanPipeline(**parts, scheduler=replicas.euler())
    with torch.no_grad():  # as in a pipeline's call
        expected, _ = pipe.encode_prompt(text, None, False, max_sequence_length=512)
    made = encode(parts["tokenizer"], parts["text_encoder"], clean(text), 512)
    assert torch.equal(made, expected)


def test_the_text_encoder_is_asked_once_for_a_text(engine):
    first = frames(engine, TEXT, negative_prompt="dull")
    with calls(engine, "text_encoder") as seen:
        again = frames(engine, TEXT, negative_prompt="dull")
        assert seen == []
        frames(engine, TEXT, negative_prompt="dull", seed=5)
        assert seen == []
        frames(engine, TEXT, prompt="a cat", negative_prompt="dull")
        assert len(seen) == 1
    assert (again == first).all()


def test_what_is_remembered_is_not_taken_for_another_models(engine):
    frames(engine, TEXT)
    other = catalog.find("wan2.2-ti2v-5b")
    frames(engine, other)
    with calls(engine, "text_encoder") as seen:
        frames(engine, other, prompt="a cat")
        assert len(seen) == 1
    whole = PipelineEngine(engine._find, engine._locate, "cpu")
    assert (frames(engine, other) == frames(whole, other)).all()


def test_a_model_that_comes_back_finds_its_prompts(engine):
    frames(engine, TEXT)
    frames(engine, catalog.find("wan2.2-ti2v-5b"))
    frames(engine, TEXT, prompt="a cat")
    with calls(engine, "text_encoder") as seen:
        frames(engine, TEXT)
    assert seen == []


def test_without_guidance_the_negative_prompt_is_not_read(engine):
    frames(engine, TEXT)
    with calls(engine, "text_encoder") as seen:
        frames(engine, TEXT, prompt="a cat", negative_prompt="rain", guidance_scale=1.0)
    assert len(seen) == 1


@pytest.mark.parametrize("name", IDS[1:])
def test_a_picture_is_encoded_once(engine, monkeypatch, name):
    spec = catalog.find(name)
    first = frames(engine, spec, I2V)
    with encoded(engine, monkeypatch) as seen:
        assert (frames(engine, spec, I2V) == first).all()
        other_seed = frames(engine, spec, I2V, seed=9, prompt="a cat")
        assert seen == []
        frames(engine, spec, I2V, num_frames=13)
        assert len(seen) == 1
    fresh = PipelineEngine(engine._find, engine._locate, "cpu")
    assert (frames(fresh, spec, I2V, seed=9, prompt="a cat") == other_seed).all()


def test_another_picture_is_encoded_anew(engine, monkeypatch):
    spec = catalog.find(IDS[1])
    frames(engine, spec, I2V)
    with calls(engine, "image_encoder") as looked, encoded(engine, monkeypatch) as seen:
        frames(engine, spec, I2V)
        assert (len(looked), len(seen)) == (0, 0)
        picture = inputs(spec, I2V).image
        assert picture is not None
        mirrored = replace(inputs(spec, I2V), image=picture[:, :, ::-1].copy())
        list(engine.generate(request(spec, I2V), mirrored))
        assert (len(looked), len(seen)) == (1, 1)


def test_weights_lie_on_the_tokens_of_their_phrase():
    """The replica's tokenizer makes a token of each byte; a blank counts nothing."""
    parts = replicas.build(TEXT.architecture)
    scale = weights(parts["tokenizer"], phrases("a (fox:1.5) 猫(狗:0)"), 16)
    expected = [1, 1, 1.5, 1.5, 1.5, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1]
    assert scale.tolist() == expected


def test_a_token_across_phrases_counts_what_its_letters_do_on_average():
    """The bundled tokenizer takes the blank before a word along, and "red" as one."""
    tokenizer = AutoTokenizer.from_pretrained(catalog.ASSETS / "wan-tiny" / "tokenizer")
    found = (Phrase("a "), Phrase("re", 1.6), Phrase("d"), Phrase(" circle", 0.5))
    assert [tokenizer.decode(each) for each in tokenizer("a red circle").input_ids[:3]] == [
        *("a", " red", " circle")
    ]
    assert weights(tokenizer, found, 6).tolist() == pytest.approx([1, 1.4, 0.5, 1, 1, 1])


def embedded(engine: PipelineEngine, **changes: Any) -> Any:
    frames(engine, TEXT)
    assert engine._loaded is not None
    asked = request(TEXT, T2V).model_copy(update=changes)
    return embed(engine._loaded, asked, Remembered(2**20, 9))


def test_a_weight_scales_the_embedding_of_its_phrase_alone(engine):
    bare = embedded(engine, prompt="a fox", negative_prompt="a fox")
    made = embedded(engine, prompt="a (fox:1.5)", negative_prompt="(a:0) fox")
    assert torch.equal(made.prompt[:, :2], bare.prompt[:, :2])
    assert torch.equal(made.prompt[:, 2:5], bare.prompt[:, 2:5] * 1.5)
    assert torch.equal(made.prompt[:, 5:], bare.prompt[:, 5:])
    assert (made.negative[:, 0] == 0).all()
    assert torch.equal(made.negative[:, 1:], bare.negative[:, 1:])


def test_a_weight_of_1_changes_no_bit_and_others_need_no_new_encoding(engine):
    first = frames(engine, TEXT, prompt="a red fox (slow)")
    with calls(engine, "text_encoder") as seen:
        one = frames(engine, TEXT, prompt=r"a (red (fox:1):1.0) \(slow\)")
        other = frames(engine, TEXT, prompt="a (red:2) fox (slow)")
    assert seen == []
    assert (one == first).all()
    assert (other != first).any()


def test_weights_behind_the_cut_are_cut_with_it(engine):
    made = embedded(engine, prompt="x" * 600 + "(fox:0)")
    assert torch.equal(made.prompt, embedded(engine, prompt="x" * 600).prompt)


@pytest.mark.parametrize(
    ("task", "steps"), [(T2V, {"num_inference_steps": 3}), (V2V, {"num_inference_steps": 4})]
)
def test_a_blend_goes_from_the_first_prompt_to_the_second_in_equal_parts(engine, task, steps):
    """Restyling runs 3 of 4 steps at strength 0.8."""
    ends = embedded(engine, prompt="a fox", negative_prompt="a cat")
    assert ends.negative is not None
    with calls(engine, "transformer") as seen:
        blend = {"prompt": "a fox", "prompt_end": "a cat", "negative_prompt": "rain"}
        frames(engine, TEXT, task, **blend, **steps)
    read = [kwargs["encoder_hidden_states"] for _, kwargs in seen]
    assert len(read) == 6  # with the prompt and without it
    assert torch.equal(read[0], ends.prompt)
    torch.testing.assert_close(read[2], (ends.prompt + ends.negative) / 2)
    assert torch.equal(read[4], ends.negative)
    assert torch.equal(read[1], read[5])


def test_a_blend_reaches_the_second_expert(engine):
    spec = catalog.find("wan2.2-i2v-a14b")
    frames(engine, spec, I2V)
    with calls(engine, "transformer") as first, calls(engine, "transformer_2") as second:
        frames(engine, spec, I2V, prompt="a fox", prompt_end="a cat", num_inference_steps=4)
    read = [kwargs["encoder_hidden_states"] for _, kwargs in (*first, *second)][::2]
    assert second
    assert len(read) == 4
    third = (read[3] - read[0]) / 3
    for step, embedding in enumerate(read):
        torch.testing.assert_close(embedding, read[0] + step * third)


def test_a_single_step_reads_the_first_prompt():
    start, end = torch.zeros(1, 2, 3), torch.ones(1, 2, 3)
    assert torch.equal(Embedded(start, None, end).at(0, 1), start)
