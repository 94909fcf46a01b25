"""LoRA files that can't be used: one sentence each, and the transformer as it was."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests import lora_files, replicas
from tests.forward import run
from wan_demo import catalog
from wan_demo.engine.pipelines import lora
from wan_demo.errors import ModelUnavailable


@pytest.fixture
def model() -> Any:
    parts = replicas.build(catalog.find("wan2.1-t2v-1.3b").architecture)
    return parts["transformer"].eval().requires_grad_(False)


def refusal(model: Any, path: Path) -> str:
    """What is said, with the model as it was."""
    before, keys = run(model), model.state_dict().keys()
    with pytest.raises(ModelUnavailable) as caught:
        lora.attach(model, path, "bad")
    assert torch.equal(run(model), before)
    assert model.state_dict().keys() == keys
    said = str(caught.value)
    assert said.startswith(f"The LoRA {path.name} can't be used: ")
    assert "\n" not in said
    return said


def one_layer(suffix: str) -> str:
    return f"diffusion_model.blocks.0.self_attn.q.{suffix}"


PAIR = {
    one_layer("lora_A.weight"): torch.ones(4, 32),
    one_layer("lora_B.weight"): torch.ones(32, 4),
}
SD = "lora_unet_down_blocks_0_attentions_0_proj_in"
FLUX = "transformer.single_transformer_blocks.0.attn.to_q"
BAD: dict[str, tuple[dict[str, torch.Tensor], str]] = {
    "NaN": (PAIR | {one_layer("lora_B.weight"): torch.full((32, 4), float("nan"))}, "NaN"),
    "infinity": (PAIR | {one_layer("lora_A.weight"): torch.full((4, 32), float("inf"))}, "NaN"),
    "NaN alpha": (PAIR | {one_layer("alpha"): torch.tensor(float("nan"))}, "NaN"),
    "an infinite alpha": (PAIR | {one_layer("alpha"): torch.tensor(1e39).double()}, "NaN"),
    "an alpha of 0": (PAIR | {one_layer("alpha"): torch.tensor(0.0)}, "change nothing"),
    "an alpha beyond all numbers": (
        PAIR | {one_layer("alpha"): torch.tensor(1e300, dtype=torch.float64)},
        "too large for torch.float32",
    ),
    "a larger model": (
        {
            one_layer("lora_A.weight"): torch.ones(4, 64),
            one_layer("lora_B.weight"): torch.ones(64, 4),
        },
        "another size",
    ),
    "more blocks": (
        PAIR | {key.replace("blocks.0", "blocks.39"): one for key, one in PAIR.items()},
        "another Wan",
    ),
    "half a pair": ({one_layer("lora_A.weight"): torch.ones(4, 32)}, "half a pair"),
    "ranks that differ": (PAIR | {one_layer("lora_B.weight"): torch.ones(32, 8)}, "another size"),
    "rank 0": (
        {
            one_layer("lora_A.weight"): torch.ones(0, 32),
            one_layer("lora_B.weight"): torch.ones(32, 0),
        },
        "another size",
    ),
    "nothing": (PAIR | {one_layer("lora_B.weight"): torch.zeros(32, 4)}, "change nothing"),
    "norms alone": ({"diffusion_model.blocks.0.norm3.diff": torch.ones(32)}, "change nothing"),
    "no tensors": ({}, "empty"),
    "DoRA": (PAIR | {one_layer("dora_scale"): torch.ones(32, 1)}, "DoRA"),
    "LoKr": ({one_layer("lokr_w1"): torch.ones(4, 4)}, "LoKr"),
    "LoHa": ({one_layer("hada_w1_a"): torch.ones(4, 4)}, "LoHa"),
    "Stable Diffusion": (
        {f"{SD}.lora_down.weight": torch.ones(4, 32), f"{SD}.lora_up.weight": torch.ones(32, 4)},
        "Stable Diffusion",
    ),
    "Flux": (
        {f"{FLUX}.lora_A.weight": torch.ones(4, 32), f"{FLUX}.lora_B.weight": torch.ones(32, 4)},
        "Flux",
    ),
    "something else": (
        {"layers.3.lora_A.weight": torch.ones(4, 32), "layers.3.lora_B.weight": torch.ones(32, 4)},
        "not made for Wan",
    ),
    "a whole model": ({"blocks.0.attn1.to_q.weight": torch.ones(32, 32)}, "no LoRA"),
}


@pytest.mark.parametrize("alpha", ["NaN", "Infinity", "1" + "0" * 400, "[1]", '"x"'])
def test_alphas_of_a_config_are_numbers(model, tmp_path, alpha):
    path = tmp_path / "bad.safetensors"
    config = f'{{"transformer.lora_alpha": {alpha}}}'
    save_file(PAIR, path, {"lora_adapter_metadata": config})
    assert "its alphas are no numbers" in refusal(model, path)


def test_numbers_too_large_for_what_is_computed_in_are_refused(model, tmp_path):
    path = tmp_path / "bad.safetensors"
    save_file(PAIR | {one_layer("alpha"): torch.tensor(1e6)}, path)
    with pytest.raises(ModelUnavailable, match=r"too large for torch\.float16"):
        lora.attach(model.half(), path, "bad")
    assert not lora.weights(model)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_is_no_file_is_refused(model, tmp_path, make):
    make(tmp_path / "bad.safetensors")
    assert "missing" in refusal(model, tmp_path / "bad.safetensors")


@pytest.mark.parametrize(("state", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_lora_is_refused_in_a_sentence(model, tmp_path, state, reason):
    path = tmp_path / "bad.safetensors"
    save_file({key: one.clone() for key, one in state.items()}, path)
    assert reason in refusal(model, path)


class Canary:
    """Leaves a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.path, "I ran"))


@pytest.mark.parametrize("name", ["bad.pt", "bad.bin", "bad.ckpt", "bad.safetensors"])
@pytest.mark.parametrize("is_archive", [True, False], ids=["torch.save", "pickle"])
def test_a_pickle_is_refused_and_does_not_run(model, tmp_path, name, is_archive):
    path, canary = tmp_path / name, tmp_path / "canary"
    if is_archive:
        torch.save({"a": Canary(canary)}, path)
    else:
        path.write_bytes(pickle.dumps(Canary(canary)))
    assert "pickle" in refusal(model, path)
    assert not canary.exists()


@pytest.mark.parametrize("left", [0, 5, 100, -1])
def test_a_cut_lora_is_refused(model, tmp_path, left):
    path = lora_files.write(tmp_path / "a.safetensors", lora_files.matrices(model), "comfy")
    path.write_bytes(path.read_bytes()[:left])
    refusal(model, path)


def test_one_that_memory_was_not_reckoned_for_is_refused(model, tmp_path):
    pairs = lora_files.matrices(model, rank=32)
    path = lora_files.write(tmp_path / "a.safetensors", pairs, "comfy")
    assert "larger than 30% of the model" in refusal(model, path)


def test_a_missing_lora_is_refused(model, tmp_path):
    assert "missing" in refusal(model, tmp_path / "none.safetensors")


def test_a_bad_one_leaves_those_that_are_on(model, tmp_path):
    pairs = lora_files.matrices(model)
    lora.attach(model, lora_files.write(tmp_path / "a.safetensors", pairs, "comfy"), "a", 0.5)
    save_file(BAD["NaN"][0], tmp_path / "bad.safetensors")
    refusal(model, tmp_path / "bad.safetensors")
    assert lora.weights(model) == {"a": 0.5}
