"""Which architecture a folder or a file is, by its configs and shapes."""

from __future__ import annotations

import json
import os
import struct
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import init_empty_weights
from diffusers import WanTransformer3DModel, WanVACETransformer3DModel
from gguf import GGMLQuantizationType as Kind
from safetensors.torch import load_file, save_file

from tests import gguf_files
from tests.original_names import original
from wan_demo import catalog
from wan_demo.catalog import MODELS
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.pipelines.recognise import recognise
from wan_demo.errors import InvalidRequest

OFFICIAL = [spec for spec in MODELS if not (spec.weights.replaced or spec.weights.loras)]
TINY_FOLDER = catalog.ASSETS / "wan-tiny"


def folder_of(spec: ModelSpec, root: Path) -> Path:
    """The configs of a spec's folder, of full size; no weights."""
    config = {"_class_name": spec.architecture.transformer_class, **spec.architecture.transformer}
    for part in ("transformer", "transformer_2")[: spec.architecture.experts]:
        (root / part).mkdir()
        (root / part / "config.json").write_text(json.dumps(config, default=list))
    return root


def file_of(spec: ModelSpec, path: Path, name: Any = original) -> Path:
    """A safetensors file with the full shapes of a spec, over a hole in the disk."""
    builder = {c.__name__: c for c in (WanTransformer3DModel, WanVACETransformer3DModel)}
    with init_empty_weights():
        model = builder[spec.architecture.transformer_class](**spec.architecture.transformer)
    shapes = {name(key): list(tensor.shape) for key, tensor in model.state_dict().items()}
    table, end = {}, 0
    for key, shape in shapes.items():
        begin, end = end, end + 4 * prod(shape)
        table[key] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    header = json.dumps(table).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    os.truncate(path, 8 + len(header) + end)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InvalidRequest) as caught:
        recognise(path, MODELS)
    assert caught.value.field == "model"
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("spec", OFFICIAL, ids=lambda spec: spec.id)
def test_a_folder_is_known_by_its_config(spec, tmp_path):
    found = recognise(folder_of(spec, tmp_path), MODELS)
    assert found.architecture == spec.architecture


@pytest.mark.parametrize(
    "model", ["wan2.1-t2v-1.3b", "wan2.1-i2v-14b-480p", "wan2.1-vace-14b", "wan2.2-ti2v-5b"]
)
@pytest.mark.parametrize("name", [original, str], ids=["Wan's names", "diffusers' names"])
def test_a_file_is_known_by_its_shapes(model, name, tmp_path):
    spec = catalog.find(model)
    assert recognise(file_of(spec, tmp_path / "a.safetensors", name), MODELS).id == model


def test_first_and_last_frame_is_told_from_the_first_alone(tmp_path):
    spec = catalog.find("wan2.1-flf2v-14b-720p")
    assert recognise(file_of(spec, tmp_path / "a.safetensors"), MODELS) is spec


def test_the_bundled_model_and_its_gguf_are_known(tmp_path):
    assert recognise(TINY_FOLDER, MODELS) is catalog.BUNDLED
    weights: dict[str, torch.Tensor] = {}
    for shard in sorted((TINY_FOLDER / "transformer").glob("*.safetensors")):
        weights |= load_file(shard)
    save_file(weights, tmp_path / "a.safetensors")
    assert recognise(tmp_path / "a.safetensors", MODELS) is catalog.BUNDLED
    gguf_files.write(tmp_path / "a.gguf", weights, Kind.Q8_0)
    assert recognise(tmp_path / "a.gguf", MODELS) is catalog.BUNDLED


def test_a_file_that_may_be_one_of_two_models_is_for_a_person_to_name(tmp_path):
    said = refusal(file_of(catalog.find("wan2.1-t2v-14b"), tmp_path / "a.safetensors"))
    assert "wan2.1-t2v-14b or wan2.2-t2v-a14b" in said
    assert "models.toml" in said


def test_one_of_two_experts_is_not_a_model(tmp_path):
    said = refusal(file_of(catalog.find("wan2.2-i2v-a14b"), tmp_path / "a.safetensors"))
    assert "wan2.2-i2v-a14b" in said


def test_other_sizes_and_other_classes_are_refused(tmp_path):
    folder = folder_of(catalog.find("wan2.1-t2v-1.3b"), tmp_path)
    config = folder / "transformer" / "config.json"
    told = json.loads(config.read_text())
    for changes in ({"num_layers": 31}, {"_class_name": "OtherModel"}):
        config.write_text(json.dumps(told | changes))
        assert "models.toml" in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_broken_config_is_refused(tmp_path, content):
    (tmp_path / "transformer").mkdir()
    (tmp_path / "transformer" / "config.json").write_bytes(content)
    assert "can't be used" in refusal(tmp_path)


def test_what_is_no_model_is_refused(tmp_path):
    assert "transformer/config.json is missing" in refusal(tmp_path)
    for name in ("a.ckpt", "a.safetensors", "a.gguf", "a"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 nothing")
        refusal(tmp_path / name)
