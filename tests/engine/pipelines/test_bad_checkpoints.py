"""Folders that must not be loaded: one sentence each, no code run, the good model as before."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import replicas
from tests.engine.pipelines.test_calls import inputs, request
from wan_demo import catalog
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Finished, Frames
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.engine.pipelines import load
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.engine.pipelines.load import check
from wan_demo.errors import GenerationFailed, ModelUnavailable

GOOD = replace(catalog.find("wan2.1-i2v-14b-480p"), id="good", title="Good")
BAD = replace(GOOD, id="bad", title="Bad")
TASK = Task.IMAGE_TO_VIDEO


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return replicas.publish(GOOD, tmp_path_factory.mktemp("good") / "model")


@pytest.fixture
def bad(good, tmp_path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "bad"))


@pytest.fixture
def canary(tmp_path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def engine(good, bad) -> PipelineEngine:
    specs = {"good": (GOOD, good), "bad": (BAD, bad)}
    return PipelineEngine(
        lambda name: specs[name][0], lambda spec, *_: Checkpoint(specs[spec.id][1], {}, {}), "cpu"
    )


def frames(engine: PipelineEngine, spec: ModelSpec) -> Frames:
    last = list(engine.generate(request(spec, TASK), inputs(spec, TASK)))[-1]
    assert isinstance(last, Finished)
    return last.frames


def evil(canary: Path) -> str:
    """A module that leaves a file when it is imported."""
    return f"import pathlib\npathlib.Path({str(canary)!r}).write_text('I ran')\n"


class Canary:
    """Leaves a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.path, "I ran"))


def weights(folder: Path, part: str = "transformer") -> Path:
    return next((folder / part).glob("*.safetensors"))


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def rewrite(path: Path, edit: Callable[[dict[str, torch.Tensor]], object]) -> None:
    state = load_file(path)
    edit(state)
    save_file(state, path, {"format": "pt"})


def only_pickles(folder: Path, canary: Path) -> None:
    weights(folder).unlink()
    torch.save(Canary(canary), folder / "transformer" / "diffusion_pytorch_model.bin")


def pickle_by_another_name(folder: Path, canary: Path) -> None:
    weights(folder).write_bytes(pickle.dumps(Canary(canary)))


def pickled_text_encoder(folder: Path, canary: Path) -> None:
    weights(folder, "text_encoder").unlink()
    torch.save(Canary(canary), folder / "text_encoder" / "pytorch_model.bin")


def pipeline_of_its_own(folder: Path, canary: Path) -> None:
    (folder / "pipeline.py").write_text(evil(canary))
    change(folder / "model_index.json", _class_name=["pipeline", "Evil"])


def part_of_its_own(folder: Path, canary: Path) -> None:
    (folder / "transformer" / "evil.py").write_text(evil(canary))
    change(folder / "model_index.json", transformer=["evil", "Evil"])


def tokenizer_of_its_own(folder: Path, canary: Path) -> None:
    (folder / "tokenizer" / "evil.py").write_text(evil(canary))
    auto = {"AutoTokenizer": ["evil.Evil", None]}
    change(folder / "tokenizer" / "tokenizer_config.json", auto_map=auto)


def encoder_of_its_own(folder: Path, canary: Path) -> None:
    (folder / "text_encoder" / "evil.py").write_text(evil(canary))
    change(folder / "text_encoder" / "config.json", auto_map={"AutoModel": "evil.Evil"})


def another_class(folder: Path, _canary: Path) -> None:
    change(folder / "transformer" / "config.json", _class_name="CogVideoXTransformer3DModel")


def another_encoder(folder: Path, _canary: Path) -> None:
    change(folder / "text_encoder" / "config.json", architectures=["BertModel"])


def cut_short(folder: Path, _canary: Path) -> None:
    weights(folder).write_bytes(weights(folder).read_bytes()[:-1000])


def a_shard_missing(folder: Path, _canary: Path) -> None:
    table = dict.fromkeys(load_file(weights(folder)), weights(folder).name)
    table[next(iter(table))] = "diffusion_pytorch_model-00002-of-00002.safetensors"
    index = folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": table}))


def wrong_shapes(folder: Path, _canary: Path) -> None:
    rewrite(weights(folder), lambda s: s.update({"proj_out.weight": torch.zeros(64, 16)}))


def wrong_shapes_of_the_encoder(folder: Path, _canary: Path) -> None:
    rewrite(
        weights(folder, "text_encoder"),
        lambda s: s.update({"encoder.final_layer_norm.weight": torch.zeros(16)}),
    )


def wrong_shapes_of_the_vae(folder: Path, _canary: Path) -> None:
    rewrite(weights(folder, "vae"), lambda s: s.update({"quant_conv.bias": torch.zeros(3)}))


def weights_missing(folder: Path, _canary: Path) -> None:
    rewrite(weights(folder), lambda s: s.pop("proj_out.bias"))


def weights_missing_of_the_encoder(folder: Path, _canary: Path) -> None:
    rewrite(weights(folder, "text_encoder"), lambda s: s.pop("encoder.final_layer_norm.weight"))


def weights_missing_of_the_vae(folder: Path, _canary: Path) -> None:
    rewrite(weights(folder, "vae"), lambda s: s.pop("quant_conv.bias"))


def weights_missing_of_the_image_encoder(folder: Path, _canary: Path) -> None:
    def drop(state: dict[str, torch.Tensor]) -> None:
        state.pop(next(key for key in state if "layers.0" in key))

    rewrite(weights(folder, "image_encoder"), drop)


def a_larger_model(folder: Path, _canary: Path) -> None:
    rewrite(weights(folder), lambda s: s.update({"blocks.2.attn1.to_q.bias": torch.zeros(32)}))


def endless_layers(folder: Path, _canary: Path) -> None:
    change(folder / "transformer" / "config.json", num_layers=10**12)


def endless_positions(folder: Path, _canary: Path) -> None:
    change(folder / "transformer" / "config.json", rope_max_seq_len=10**11)


def endless_width(folder: Path, _canary: Path) -> None:
    change(folder / "transformer" / "config.json", text_dim=10**11)


def layers_by_another_name(folder: Path, _canary: Path) -> None:
    change(folder / "text_encoder" / "config.json", num_hidden_layers=10**5)


def endless_labels(folder: Path, _canary: Path) -> None:
    change(folder / "text_encoder" / "config.json", num_labels=10**11)


def a_huge_picture(folder: Path, _canary: Path) -> None:
    size = {"shortest_edge": 10**6}
    change(folder / "image_processor" / "preprocessor_config.json", size=size)


def many_small_patches(folder: Path, _canary: Path) -> None:
    change(folder / "image_encoder" / "config.json", patch_size=1)


def latents_of_another_size(folder: Path, _canary: Path) -> None:
    change(folder / "vae" / "config.json", scale_factor_spatial=1)


def latents_of_nan(folder: Path, _canary: Path) -> None:
    change(folder / "vae" / "config.json", latents_mean=[float("nan")] * 16)


def a_config_without_end(folder: Path, _canary: Path) -> None:
    (folder / "vae" / "config.json").write_text('{"a": [' + "[]," * 2**21 + "[]]}")


def a_pipe_for_a_config(folder: Path, _canary: Path) -> None:
    (folder / "vae" / "config.json").unlink()
    os.mkfifo(folder / "vae" / "config.json")


def a_tokenizer_that_panics(folder: Path, _canary: Path) -> None:
    charsmap = {"type": "Precompiled", "precompiled_charsmap": "AAAA"}
    change(folder / "tokenizer" / "tokenizer.json", normalizer=charsmap)


def tokens_without_embedding(folder: Path, _canary: Path) -> None:
    path = folder / "tokenizer" / "tokenizer.json"
    model = json.loads(path.read_text())["model"]
    model["vocab"]["a"] = 10**6
    change(path, model=model)


def an_offset_without_end(folder: Path, _canary: Path) -> None:
    header = {"a": {"dtype": "F32", "shape": [10**6] * 8, "data_offsets": [0, 4]}}
    text = json.dumps(header).encode()
    weights(folder).write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))


def not_a_number(folder: Path, _canary: Path) -> None:
    rewrite(weights(folder), lambda s: s["proj_out.weight"].fill_(float("nan")))


def a_link_out(folder: Path, _canary: Path) -> None:
    outside = folder.parent / "outside.safetensors"
    weights(folder).rename(outside)
    (folder / "transformer" / outside.name).symlink_to(outside)


def no_vae(folder: Path, _canary: Path) -> None:
    shutil.rmtree(folder / "vae")


def quantized_by_a_library(folder: Path, _canary: Path) -> None:
    change(
        folder / "text_encoder" / "config.json",
        quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True},
    )


FAULTS: dict[Callable[[Path, Path], None], str] = {
    only_pickles: "transformer/ holds only pickles",
    pickle_by_another_name: "model.safetensors is a pickle",
    pickled_text_encoder: "text_encoder/ holds only pickles",
    pipeline_of_its_own: "a pipeline of its own",
    part_of_its_own: "code of its own for transformer",
    tokenizer_of_its_own: "tokenizer/tokenizer_config.json asks for code of its own",
    encoder_of_its_own: "text_encoder/config.json asks for code of its own",
    another_class: "is a CogVideoXTransformer3DModel and not a WanTransformer3DModel",
    another_encoder: "is a BertModel and not a UMT5EncoderModel",
    cut_short: "cut short",
    a_shard_missing: "00002-of-00002.safetensors is missing",
    wrong_shapes: "transformer/ has weights of another shape, proj_out.weight",
    wrong_shapes_of_the_encoder: "of another shape, encoder.final_layer_norm.weight",
    wrong_shapes_of_the_vae: "vae/ has weights of another shape, quant_conv.bias",
    weights_missing: "transformer/ lacks weights, proj_out.bias",
    weights_missing_of_the_encoder: "lacks weights, encoder.final_layer_norm.weight",
    weights_missing_of_the_vae: "lacks weights, quant_conv.bias",
    weights_missing_of_the_image_encoder: "image_encoder/ lacks weights",
    a_larger_model: "no place for",
    endless_layers: "num_layers of 1000000000000",
    endless_positions: "rope_max_seq_len of 100000000000, not 1024",
    endless_width: "text_dim of 100000000000",
    layers_by_another_name: "text_encoder/config.json has a num_layers of 100000",
    endless_labels: "holds the number 100000000000",
    a_huge_picture: "has a size of 1000000, not 224",
    many_small_patches: "patch_size of 1, not 14",
    latents_of_another_size: "scale_factor_spatial of 1, not 8",
    latents_of_nan: "latents_mean that is no row of numbers",
    a_config_without_end: "vae/config.json is too long",
    a_pipe_for_a_config: "vae/config.json is missing",
    a_tokenizer_that_panics: "charsmap",
    tokens_without_embedding: "not the text encoder's own",
    an_offset_without_end: "no table of tensors",
    not_a_number: "NaN or infinity in proj_out.weight",
    a_link_out: "leads out",
    no_vae: "vae/ is missing",
    quantized_by_a_library: "another library quantized",
}


SEEN_IN_WEIGHTS = {
    *(wrong_shapes, wrong_shapes_of_the_encoder, wrong_shapes_of_the_vae),
    *(weights_missing, weights_missing_of_the_encoder, weights_missing_of_the_vae),
    *(weights_missing_of_the_image_encoder, a_larger_model, not_a_number),
    *(a_tokenizer_that_panics, tokens_without_embedding),
}


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda fault: fault.__name__)
def test_a_bad_folder_is_refused_and_the_good_model_works_on(engine, bad, canary, spoil):
    before = frames(engine, GOOD)
    spoil(bad, canary)
    if spoil not in SEEN_IN_WEIGHTS:
        with pytest.raises(ModelUnavailable):
            check(BAD, Checkpoint(bad, {}, {}))
    with pytest.raises(ModelUnavailable) as caught:
        frames(engine, BAD)
    said = str(caught.value)
    assert said.startswith("The weights of Bad can't be used: ")
    assert said.endswith(".")
    assert "\n" not in said
    assert len(said) < 300
    assert FAULTS[spoil] in said
    assert not canary.exists()
    assert np.array_equal(frames(engine, GOOD), before)


@pytest.mark.parametrize("kind", ["replaced", "loras"])
def test_a_bad_file_beside_the_folder_is_seen_before_loading(good, tmp_path, kind):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"PK\x03\x04 and so on")
    files = replace(Checkpoint(good, {}, {}), **{kind: {"transformer": path}})
    with pytest.raises(ModelUnavailable, match="is a pickle"):
        check(GOOD, files)


def test_the_folder_is_sound_before_it_is_spoilt(engine):
    assert np.array_equal(frames(engine, GOOD), frames(engine, BAD))


def test_a_vae_of_a_single_nan_makes_no_black_clip(engine, bad):
    def spoil(state: dict[str, torch.Tensor]) -> None:
        name = max(state, key=lambda key: state[key].numel() if "decoder" in key else 0)
        state[name].view(-1)[1] = float("nan")

    rewrite(weights(bad, "vae"), spoil)
    with pytest.MonkeyPatch.context() as patch:  # as if the tensor were too large to look at it all
        patch.setattr(load, "NUMBERS_LOOKED_AT", 1)
        with pytest.raises(GenerationFailed, match="no picture but NaN"):
            frames(engine, BAD)
