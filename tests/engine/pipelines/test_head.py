"""VACE's blocks from a file of their own, beside a base that stays as it is."""

# diffusers exports lazily.
# pyright: reportPrivateImportUsage=false

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import load_file, save_file

from wan_demo.catalog.tiny import TINY, TINY_VACE
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.engine.memory import ladder, plenty
from wan_demo.engine.pipelines.load import load
from wan_demo.errors import ModelUnavailable

HEAD = Path(str(TINY_VACE.weights.heads["transformer"]))
RUNG = next(ladder(TINY_VACE, plenty("cpu")))


def loaded(head: Path, tmp_path: Path) -> Any:
    base = TINY.weights.base
    assert isinstance(base, Path)
    return load(TINY_VACE, Checkpoint(base, {}, {}, {"transformer": head}), RUNG, tmp_path)


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    return load_file(HEAD)


def saved(weights: dict[str, torch.Tensor], tmp_path: Path) -> Path:
    path = tmp_path / "mine.safetensors"
    save_file(weights, path)
    return path


def test_the_base_is_what_it_was_and_the_head_is_the_files(weights, tmp_path):
    transformer = loaded(HEAD, tmp_path).parts["transformer"]
    base = WanTransformer3DModel.from_pretrained(
        str(TINY.weights.base), subfolder="transformer", dtype=transformer.dtype
    )
    state = transformer.state_dict()
    expected = {**base.state_dict(), **{k: v.to(state[k].dtype) for k, v in weights.items()}}
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[key], one) for key, one in expected.items())
    assert transformer.config.vace_layers == (0, 2, 4)


def test_a_revision_names_the_head_too(weights, tmp_path):
    weights["vace_patch_embedding.bias"] += 1
    revisions = {loaded(head, tmp_path).revision for head in (HEAD, saved(weights, tmp_path))}
    assert len(revisions) == 2


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda w: w.pop("vace_blocks.1.proj_out.bias"), "it lacks 1 weights"),
        (lambda w: w.update({"blocks.9.x": torch.zeros(1)}), "it is for another base: it holds 1"),
        (lambda w: w.update({"vace_patch_embedding.bias": torch.zeros(3)}), "has the shape"),
        (lambda w: w["vace_patch_embedding.bias"].fill_(float("nan")), "holds NaN"),
    ],
)
def test_a_head_that_does_not_fit_is_refused_in_a_sentence(weights, tmp_path, spoil, sentence):
    spoil(weights)
    with pytest.raises(ModelUnavailable, match=sentence):
        loaded(saved(weights, tmp_path), tmp_path)


def test_a_head_that_is_no_safetensors_file_is_refused(tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"not one")
    with pytest.raises(ModelUnavailable, match=r"mine\.safetensors can't be used"):
        loaded(path, tmp_path)
