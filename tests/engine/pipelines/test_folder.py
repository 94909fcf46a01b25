"""Folders of strangers, looked at before anything of them is loaded; no torch."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from wan_demo.engine.pipelines.broken import BrokenFile
from wan_demo.engine.pipelines.folder import check_folder

PARTS, OTHERS = ("transformer", "vae"), ("tokenizer",)


@pytest.fixture
def folder(tmp_path) -> Path:
    return make(tmp_path / "model")


def make(folder: Path) -> Path:
    for name in PARTS:
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text('{"_class_name": "Any"}')
        save_file({"a": np.zeros(8)}, folder / name / "diffusion_pytorch_model.safetensors")
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "tokenizer_config.json").write_text("{}")
    index = {"_class_name": "WanPipeline", "vae": ["diffusers", "X"], "transformer_2": [None, None]}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(BrokenFile) as caught:
        check_folder(folder, PARTS, OTHERS)
    return str(caught.value)


def weights(folder: Path) -> Path:
    return folder / "transformer" / "diffusion_pytorch_model.safetensors"


def test_a_sound_folder_passes(folder):
    check_folder(folder, PARTS, OTHERS)
    (folder / "model_index.json").unlink()
    check_folder(folder, PARTS, OTHERS)


def test_a_folder_of_pickles_alone_is_refused(folder):
    weights(folder).unlink()
    (folder / "transformer" / "diffusion_pytorch_model.bin").write_bytes(pickle.dumps({}))
    assert "only pickles" in refusal(folder)


def test_a_pickle_under_another_name_is_refused(folder):
    weights(folder).write_bytes(pickle.dumps({"a": 1}))
    assert "pickle" in refusal(folder)


def test_weights_that_are_cut_are_refused(folder):
    weights(folder).write_bytes(weights(folder).read_bytes()[:-8])
    assert "cut short" in refusal(folder)


def test_a_missing_shard_is_refused(folder):
    table = {"a": "one.safetensors", "b": "two.safetensors"}
    weights(folder).rename(folder / "transformer" / "one.safetensors")
    index = folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": table}))
    assert refusal(folder) == "transformer/two.safetensors is missing"


@pytest.mark.parametrize("name", ["../../secret.safetensors", "/etc/x.safetensors", "a.bin"])
def test_an_index_that_leads_elsewhere_is_refused(folder, name):
    index = folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": name}}))
    assert "elsewhere" in refusal(folder)


@pytest.mark.parametrize("table", [[], {}, "x", None])
def test_an_index_of_nothing_is_refused(folder, table):
    index = folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": table}))
    assert "lists no weights" in refusal(folder)


@pytest.mark.parametrize(
    "index",
    [
        {"_class_name": ["my_pipeline", "MyPipeline"]},
        {"_class_name": "WanPipeline", "transformer": ["my_transformer", "Hostile"]},
        {"_class_name": "WanPipeline", "vae": ["os", "system", "now"]},
    ],
)
def test_an_index_with_code_of_its_own_is_refused(folder, index):
    (folder / "model_index.json").write_text(json.dumps(index))
    assert "of its own" in refusal(folder)


@pytest.mark.parametrize("name", ["transformer/config.json", "tokenizer/tokenizer_config.json"])
def test_a_config_with_code_of_its_own_is_refused(folder, name):
    (folder / name).write_text(json.dumps({"auto_map": {"AutoModel": "evil.Model"}}))
    assert "auto_map" in refusal(folder)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "[" * 200_000])
def test_a_config_that_is_none_is_refused(folder, text):
    (folder / "vae" / "config.json").write_text(text)
    assert "vae/config.json is no JSON" in refusal(folder)


def test_a_missing_part_is_refused(folder):
    weights(folder).unlink()
    assert "holds no weights" in refusal(folder)
    (folder / "tokenizer" / "tokenizer_config.json").unlink()
    (folder / "tokenizer").rmdir()
    assert "tokenizer/ is missing" in refusal(folder)


def test_a_link_out_of_the_folder_is_refused(folder, tmp_path):
    outside = tmp_path / "outside.safetensors"
    weights(folder).rename(outside)
    weights(folder).symlink_to(outside)
    assert "leads out" in refusal(folder)


def test_a_part_that_is_a_link_out_is_refused(folder, tmp_path):
    (folder / "vae").rename(tmp_path / "vae")
    (folder / "vae").symlink_to(tmp_path / "vae")
    assert "leads out" in refusal(folder)


def test_the_hubs_own_links_are_fine(tmp_path):
    repo = tmp_path / "models--a--b"
    folder = make(repo / "snapshots" / "0123")
    blob = repo / "blobs" / "abc"
    blob.parent.mkdir()
    weights(folder).rename(blob)
    weights(folder).symlink_to(Path("../../../blobs/abc"))
    check_folder(folder, PARTS, OTHERS)
    weights(folder).unlink()
    (tmp_path / "secret").write_bytes(blob.read_bytes())
    weights(folder).symlink_to(tmp_path / "secret")
    assert "leads out" in refusal(folder)
