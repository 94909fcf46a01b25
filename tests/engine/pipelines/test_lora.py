"""LoRA adapters: what they add, in every format, and that nothing of them stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.hooks import apply_group_offloading
from gguf import GGMLQuantizationType as Kind

from tests import checkpoints, gguf_files, lora_files, replicas
from tests.engine.pipelines.test_calls import FRAMES, SIDE, inputs, request
from tests.forward import difference, run
from wan_demo import catalog
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Finished
from wan_demo.engine.pipelines import lora
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.engine.pipelines.single_file import single_file
from wan_demo.errors import ModelUnavailable

T2V, I2V, VACE = "wan2.1-t2v-1.3b", "wan2.1-i2v-14b-480p", "wan2.1-vace-1.3b"
WITH_LORAS = [spec for spec in catalog.MODELS if spec.weights.loras]

# The same sum in another order in fp32, through two blocks.
ORDER = 1e-5


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bases")
    return {name: replicas.publish(catalog.find(name), root / name) for name in (T2V, I2V, VACE)}


@pytest.fixture
def new(folders) -> Callable[..., Any]:
    """A fresh transformer of a replica."""

    def make(name: str = T2V) -> Any:
        return checkpoints.transformer(catalog.find(name), folders[name])

    return make


@pytest.fixture
def model(new) -> Any:
    return new()


def merged(model: Any, *pairs: tuple[lora_files.Pairs, float]) -> torch.Tensor:
    for matrices, weight in pairs:
        lora_files.merge(model, matrices, weight)
    return run(model)


@pytest.mark.parametrize("style", lora_files.STYLES)
@pytest.mark.parametrize("weight", [1.0, 0.6])
def test_every_format_adds_what_its_matrices_say(new, tmp_path, style, weight):
    model, pairs = new(), lora_files.matrices(new())
    lora.attach(model, lora_files.write(tmp_path / "a.safetensors", pairs, style), "a", weight)
    assert difference(run(model), merged(new(), (pairs, weight))) < ORDER
    assert difference(run(model), run(new())) > 0.01


@pytest.mark.parametrize("style", ["lightx2v", "musubi", "bare"])
def test_alpha_over_rank_scales(new, tmp_path, style):
    model, pairs = new(), lora_files.matrices(new())
    path = lora_files.write(tmp_path / "a.safetensors", pairs, style, alpha=1.0)
    lora.attach(model, path, "a", 0.5)
    assert difference(run(model), merged(new(), (pairs, 0.5 / lora_files.RANK))) < ORDER


def test_alpha_in_the_files_metadata_scales(new, tmp_path):
    model, pairs = new(), lora_files.matrices(new())
    told = {"transformer.r": lora_files.RANK, "transformer.lora_alpha": 8}
    metadata = {"lora_adapter_metadata": json.dumps(told)}
    path = lora_files.write(tmp_path / "a.safetensors", pairs, "diffusers", metadata=metadata)
    lora.attach(model, path, "a")
    assert difference(run(model), merged(new(), (pairs, 2.0))) < ORDER


def test_alpha_in_pefts_config_scales(new, tmp_path):
    model, pairs = new(), lora_files.matrices(new())
    config = {"lora_alpha": 2, "r": lora_files.RANK, "alpha_pattern": {"ffn.net.2": 8}}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    path = lora_files.write(tmp_path / "adapter_model.safetensors", pairs, "peft")
    lora.attach(model, path, "a")
    wide = {name: pair for name, pair in pairs.items() if name.endswith("ffn.net.2")}
    rest = {name: pair for name, pair in pairs.items() if name not in wide}
    assert difference(run(model), merged(new(), (wide, 2.0), (rest, 0.5))) < ORDER


def test_a_file_may_train_a_few_layers_only(new, tmp_path):
    model, ends = new(), ("blocks.1.attn1.to_q",)
    pairs = lora_files.matrices(new(), ends=ends)
    lora.attach(model, lora_files.write(tmp_path / "a.safetensors", pairs, "musubi"), "a")
    assert difference(run(model), merged(new(), (pairs, 1.0))) < ORDER


def test_layers_outside_the_blocks_are_trained_too(new, tmp_path):
    ends = ("time_embedder.linear_1", "text_embedder.linear_2", "time_proj", "proj_out")
    pairs = lora_files.matrices(new(), ends=ends)
    assert len(pairs) == 4
    for number, style in enumerate(("lightx2v", "musubi")):
        model = new()
        path = lora_files.write(tmp_path / f"{number}.safetensors", pairs, style, alpha=4.0)
        lora.attach(model, path, "a")
        assert difference(run(model), merged(new(), (pairs, 1.0))) < ORDER


@pytest.mark.parametrize("style", ["lightx2v", "musubi", "diffusers"])
def test_the_control_blocks_of_vace_are_trained_too(new, tmp_path, style):
    model = new(VACE)
    pairs = lora_files.matrices(new(VACE), ends=("attn1.to_v", "proj_in", "ffn.net.2"))
    assert any(name.startswith("vace_blocks") for name in pairs)
    lora.attach(model, lora_files.write(tmp_path / "a.safetensors", pairs, style), "a")
    assert difference(run(model), merged(new(VACE), (pairs, 1.0))) < ORDER


def test_biases_and_small_whole_layers_are_added(new, tmp_path):
    model, pairs = new(), lora_files.matrices(new())
    bias, head = torch.randn(32), torch.randn(64, 32) / 30
    extra = {
        "diffusion_model.blocks.0.self_attn.q.diff_b": bias,
        "diffusion_model.blocks.0.self_attn.v.diff_b": bias,  # a layer without matrices
        "diffusion_model.patch_embedding.diff_b": bias,  # a convolution
        "diffusion_model.head.head.diff": head,
        "diffusion_model.blocks.0.norm3.diff": torch.randn(32),  # no adapter can hold these
        "diffusion_model.blocks.0.diff_m": torch.randn(1, 6, 32),
    }
    path = lora_files.write(tmp_path / "a.safetensors", pairs, "lightx2v", extra=extra)
    lora.attach(model, path, "a", 0.5)
    expected = new()
    with torch.no_grad():
        expected.blocks[0].attn1.to_q.bias += 0.5 * bias
        expected.blocks[0].attn1.to_v.bias += 0.5 * bias
        expected.patch_embedding.bias += 0.5 * bias
        expected.proj_out.weight += 0.5 * head
    assert difference(run(model), merged(expected, (pairs, 0.5))) < ORDER


def test_a_lora_for_pictures_works_on_a_model_without_them(new, tmp_path):
    """As people use Wan2.1 I2V's on Wan2.2, whose I2V has no image encoder."""
    ends = ("attn2.to_k", "attn2.add_k_proj")
    pairs = lora_files.matrices(new(I2V), ends=ends)
    model, path = new(), lora_files.write(tmp_path / "a.safetensors", pairs, "comfy")
    lora.attach(model, path, "a")
    shared = {name: pair for name, pair in pairs.items() if name.endswith("to_k")}
    assert difference(run(model), merged(new(), (shared, 1.0))) < ORDER


def test_a_lora_for_text_works_on_a_model_with_pictures(new, tmp_path):
    pairs = lora_files.matrices(new())
    model, path = new(I2V), lora_files.write(tmp_path / "a.safetensors", pairs, "comfy")
    lora.attach(model, path, "a")
    assert difference(run(model), merged(new(I2V), (pairs, 1.0))) < ORDER


def test_several_add_up_and_come_off_without_a_trace(new, tmp_path):
    model, base, one = new(), new(), lora_files.matrices(new(), 1)
    other = lora_files.matrices(new(), 2, ends=("attn1.to_q", "attn1.to_v"), rank=8)
    lora.attach(model, lora_files.write(tmp_path / "1.safetensors", one, "comfy"), "one", 0.7)
    lora.attach(model, lora_files.write(tmp_path / "2.safetensors", other, "musubi"), "other", 0.4)
    assert lora.weights(model) == {"one": 0.7, "other": 0.4}
    assert difference(run(model), merged(new(), (one, 0.7), (other, 0.4))) < ORDER
    lora.detach(model, "one")
    assert difference(run(model), merged(new(), (other, 0.4))) < ORDER
    lora.detach(model, "other")
    assert_untouched(model, base)


def assert_untouched(model: Any, base: Any) -> None:
    ours, theirs = model.state_dict(), base.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert [type(one) for one in model.modules()] == [type(one) for one in base.modules()]
    assert torch.equal(run(model), run(base))
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_process_generator_is_not_moved(model, tmp_path):
    path = lora_files.write(tmp_path / "a.safetensors", lora_files.matrices(model), "comfy")
    before = torch.get_rng_state()
    lora.attach(model, path, "a")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_failure_on_the_way_leaves_no_trace(new, tmp_path, monkeypatch):
    model, base = new().requires_grad_(False), new()
    path = lora_files.write(tmp_path / "a.safetensors", lora_files.matrices(base), "comfy")
    monkeypatch.setattr("peft.set_peft_model_state_dict", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        lora.attach(model, path, "a")
    assert_untouched(model, base)


def test_what_is_worn_changes_without_the_rest(new, tmp_path):
    base, parts = new(), {"transformer": new(), "transformer_2": new(), "vae": object()}
    high, low = lora_files.matrices(new(), 1), lora_files.matrices(new(), 2)
    style = lora_files.matrices(new(), 3)
    paths = [
        lora_files.write(tmp_path / f"{name}.safetensors", pairs, "lightx2v")
        for name, pairs in (("high", high), ("low", low), ("style", style))
    ]
    lora.attach(parts["transformer"], paths[2], lora.BUILT_IN)
    lora.wear(parts, {"transformer": {paths[0]: 0.5}, "transformer_2": {paths[1]: 0.25}})
    expected = merged(new(), (style, 1.0), (high, 0.5)), merged(new(), (low, 0.25))
    assert difference(run(parts["transformer"]), expected[0]) < ORDER
    assert difference(run(parts["transformer_2"]), expected[1]) < ORDER
    lora.wear(parts, {"transformer": {paths[0]: 0.9}})
    assert difference(run(parts["transformer"]), merged(new(), (style, 1.0), (high, 0.9))) < ORDER
    assert_untouched(parts["transformer_2"], base)
    lora.wear(parts, {})
    assert lora.weights(parts["transformer"]) == {lora.BUILT_IN: 1.0}
    lora.detach(parts["transformer"], lora.BUILT_IN)
    assert_untouched(parts["transformer"], base)


def test_a_pair_of_which_one_is_bad_changes_nothing(new, tmp_path):
    parts = {"transformer": new(), "transformer_2": new()}
    pairs = lora_files.matrices(new())
    old = lora_files.write(tmp_path / "old.safetensors", lora_files.matrices(new(), 5), "comfy")
    good = lora_files.write(tmp_path / "good.safetensors", pairs, "comfy")
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"")
    lora.wear(parts, {"transformer": {old: 0.5}})
    before = [run(part) for part in parts.values()]
    with pytest.raises(ModelUnavailable):
        lora.wear(parts, {"transformer": {good: 1.0}, "transformer_2": {bad: 1.0}})
    assert all(torch.equal(run(part), b) for part, b in zip(parts.values(), before, strict=True))


@pytest.mark.parametrize("kind", [Kind.Q8_0, Kind.Q4_K], ids=lambda kind: kind.name)
def test_adapters_work_over_quantized_weights(folders, new, tmp_path, kind):
    spec, path = catalog.find(T2V), tmp_path / "model.gguf"
    held = gguf_files.write(path, new().state_dict(), kind)
    files = Checkpoint(folders[T2V], {"transformer": path}, {})
    model = single_file(spec, "transformer", files, torch.float32)
    bare, pairs = run(model), lora_files.matrices(new())
    lora.attach(model, lora_files.write(tmp_path / "a.safetensors", pairs, "comfy"), "a", 0.5)
    expected = new()
    expected.load_state_dict({key: torch.from_numpy(np.array(one)) for key, one in held.items()})
    assert difference(run(model), merged(expected, (pairs, 0.5))) < 2e-3
    lora.detach(model, "a")
    assert torch.equal(run(model), bare)


def test_adapters_work_over_weights_that_are_stored_in_fp8(new, tmp_path):
    model, pairs = new(), lora_files.matrices(new())
    model.enable_layerwise_casting(torch.float8_e4m3fn, torch.float32)
    expected = new()
    expected.load_state_dict({key: one.float() for key, one in model.state_dict().items()})
    assert difference(run(model), run(expected)) < ORDER
    lora.attach(model, lora_files.write(tmp_path / "a.safetensors", pairs, "comfy"), "a", 0.5)
    assert difference(run(model), merged(expected, (pairs, 0.5))) < ORDER


@pytest.mark.parametrize("kind", ["block_level", "leaf_level"])
def test_adapters_work_over_weights_that_come_in_groups(new, tmp_path, kind):
    model, base, pairs = new(), new(), lora_files.matrices(new())
    offload(model, kind)
    lora.attach(model, lora_files.write(tmp_path / "a.safetensors", pairs, "comfy"), "a", 0.5)
    assert difference(run(model), merged(new(), (pairs, 0.5))) < ORDER
    if kind == "leaf_level":  # each new layer comes by itself
        added = [one for name, one in model.named_modules() if name.endswith("lora_A.a")]
        assert all(one._diffusers_hook.get_hook("group_offloading") for one in added)
    lora.detach(model, "a")
    assert torch.equal(run(model), run(base))


def test_nothing_goes_over_weights_that_lie_on_the_disk(new, tmp_path):
    model, pairs = new(), lora_files.matrices(new())
    offload(model, "block_level", offload_to_disk_path=str(tmp_path / "weights"))
    path = lora_files.write(tmp_path / "a.safetensors", pairs, "comfy")
    with pytest.raises(ModelUnavailable, match="stay on the disk"):
        lora.attach(model, path, "a")
    assert torch.equal(run(model), run(new()))


def offload(model: Any, kind: str, **options: Any) -> None:
    blocks = {"num_blocks_per_group": 1} if kind == "block_level" else {}
    apply_group_offloading(
        model, torch.device("cpu"), torch.device("cpu"), offload_type=kind, **blocks, **options
    )


@pytest.mark.parametrize("spec", WITH_LORAS, ids=lambda spec: spec.id)
def test_every_spec_with_loras_makes_its_frames(tmp_path, spec):
    files = checkpoints.publish(spec, tmp_path)
    assert files.loras.keys() == {"transformer", "transformer_2"}
    frames = []
    for loras in (files.loras, {}):
        checkpoint = Checkpoint(files.folder, {}, loras)
        engine = PipelineEngine(catalog.find, lambda *_, c=checkpoint: c, "cpu")
        task = spec.tasks[0]
        last = list(engine.generate(request(spec, task), inputs(spec, task)))[-1]
        assert isinstance(last, Finished)
        assert last.frames.shape == (FRAMES, SIDE, SIDE, 3)
        frames.append(last.frames)
    assert not np.array_equal(*frames)
