"""Transformers from one file: GGUF of every published kind, and safetensors."""

from __future__ import annotations

import errno
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Kind
from safetensors.torch import save_file

from tests import checkpoints, gguf_files, replicas
from tests.engine.pipelines.test_calls import FRAMES, SIDE, inputs, request
from tests.forward import difference, run
from tests.original_names import original
from wan_demo import catalog
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Finished
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.pipelines import single_file as module
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.engine.pipelines.single_file import single_file
from wan_demo.errors import ModelUnavailable

ARCHITECTURES = {
    "text to video": "wan2.1-t2v-14b",
    "image to video": "wan2.1-i2v-14b-480p",
    "first and last": "wan2.1-flf2v-14b-720p",
    "VACE": "wan2.1-vace-14b",
    "36 channels": "wan2.2-i2v-a14b",
    "48 channels": "wan2.2-ti2v-5b",
}
T2V = ARCHITECTURES["text to video"]
QUANTIZED = [spec for spec in catalog.MODELS if spec.weights.replaced]

# diffusers turns blocks into numbers in half precision (``dequantize_blocks_*``: the scales' own
# type), with up to three roundings of 2^-11 for a number; the gguf package does it in fp32. What
# is left of that after two blocks of random weights is below a thousandth of the output; the
# kinds with four bits are 2 to 10 hundredths away from the weights they were made of.
ROUNDING = 2e-3


@dataclass(frozen=True)
class Base:
    spec: ModelSpec
    folder: Path
    weights: dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def bases(tmp_path_factory) -> dict[str, Base]:
    root, made = tmp_path_factory.mktemp("bases"), {}
    for model in ARCHITECTURES.values():
        spec = catalog.find(model)
        folder = replicas.publish(spec, root / model)
        made[model] = Base(spec, folder, checkpoints.transformer(spec, folder).state_dict())
    return made


def load(base: Base, path: Path, part: str = "transformer") -> Any:
    return single_file(base.spec, part, Checkpoint(base.folder, {part: path}, {}), torch.float32)


def holding(base: Base, numbers: dict[str, Any]) -> torch.nn.Module:
    """The base's transformer with other weights, in fp32."""
    model = checkpoints.transformer(base.spec, base.folder)
    model.load_state_dict({key: torch.from_numpy(np.array(one)) for key, one in numbers.items()})
    return model


def refusal(base: Base, path: Path) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        load(base, path)
    said = str(caught.value)
    assert said.startswith(f"{path.name} can't be used: ")
    assert said.endswith(".")
    assert "\n" not in said
    return said


@pytest.mark.parametrize("kind", gguf_files.KINDS, ids=lambda kind: kind.name)
def test_a_quantized_model_computes_what_its_numbers_say(bases, tmp_path, kind):
    base, path = bases[T2V], tmp_path / "model.gguf"
    held = gguf_files.write(path, base.weights, kind)
    model = load(base, path)
    made = run(model)
    assert difference(made, run(holding(base, held))) < (1e-6 if kind is Kind.F16 else ROUNDING)
    assert torch.equal(made, run(model))
    assert torch.equal(made, run(load(base, path)))


@pytest.mark.parametrize("model", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
@pytest.mark.parametrize("kind", [Kind.Q4_K, Kind.F16], ids=lambda kind: kind.name)
def test_every_architecture_comes_from_a_gguf_file(bases, tmp_path, model, kind):
    base, path = bases[model], tmp_path / "model.gguf"
    held = gguf_files.write(path, base.weights, kind)
    assert difference(run(load(base, path)), run(holding(base, held))) < ROUNDING


def test_the_positions_of_first_and_last_come_along(bases, tmp_path):
    base, path = bases[ARCHITECTURES["first and last"]], tmp_path / "model.gguf"
    key = "condition_embedder.image_embedder.pos_embed"
    positions = torch.randn(base.weights[key].shape, generator=torch.Generator().manual_seed(0))
    gguf_files.write(path, {**base.weights, key: positions}, Kind.Q8_0)
    assert torch.equal(load(base, path).state_dict()[key], positions)


def test_the_second_expert_is_read_by_its_own_config(bases, tmp_path):
    base, path = bases[ARCHITECTURES["36 channels"]], tmp_path / "low.gguf"
    held = gguf_files.write(path, base.weights, Kind.Q8_0)
    made = run(load(base, path, "transformer_2"))
    assert difference(made, run(holding(base, held))) < ROUNDING


def test_half_precision_of_bf16_is_kept_to_the_bit(bases, tmp_path):
    base, path = bases[T2V], tmp_path / "model.gguf"
    held = gguf_files.write(path, base.weights, Kind.BF16)
    # The weights and not the output: where a mapped tensor begins decides its sums' last bits.
    mapped, wanted = load(base, path).state_dict(), holding(base, held).state_dict()
    assert mapped.keys() == wanted.keys()
    assert [name for name in wanted if not torch.equal(mapped[name], wanted[name])] == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_quantized_weights_stay_in_the_mapped_file(bases, tmp_path):
    base, path = bases[T2V], tmp_path / "model.gguf"
    gguf_files.write(path, base.weights, Kind.Q8_0)
    weight = load(base, path).blocks[0].ffn.net[2].weight
    ranges = [
        [int(end, 16) for end in line.split()[0].split("-")]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if line.endswith(str(path))
    ]
    assert any(start <= weight.data_ptr() < end for start, end in ranges)


@pytest.mark.parametrize("spec", QUANTIZED, ids=lambda spec: spec.id)
def test_every_quantized_spec_makes_its_frames(tmp_path, spec):
    files = checkpoints.publish(spec, tmp_path)
    engine = PipelineEngine(catalog.find, lambda *_: files, "cpu")
    for task in spec.tasks:
        first, second = (
            list(engine.generate(request(spec, task), inputs(spec, task)))[-1] for _ in range(2)
        )
        assert isinstance(first, Finished)
        assert isinstance(second, Finished)
        assert first.frames.shape == (FRAMES, SIDE, SIDE, 3)
        assert np.array_equal(first.frames, second.frames)


@pytest.mark.parametrize("name", [original, str], ids=["Wan's names", "diffusers' names"])
@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
@pytest.mark.parametrize("model", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def test_safetensors_of_either_naming_are_the_same_model(bases, tmp_path, model, prefix, name):
    base, path = bases[model], tmp_path / "model.safetensors"
    save_file({prefix + name(key): one.contiguous() for key, one in base.weights.items()}, path)
    model, expected = load(base, path), checkpoints.transformer(base.spec, base.folder)
    ours, theirs = model.state_dict(), expected.state_dict()
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    # Not to the bit: mapped weights begin where the file has them, and kernels go by alignment.
    assert difference(run(model), run(expected)) < 1e-6


def test_a_cut_file_is_refused(bases, tmp_path):
    base, path = bases[T2V], tmp_path / "model.gguf"
    gguf_files.write(path, base.weights, Kind.Q8_0)
    path.write_bytes(path.read_bytes()[:-100])
    assert "cut short" in refusal(base, path)


def test_another_format_is_refused(bases, tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGJT" + bytes(100))
    assert "no GGUF file" in refusal(bases[T2V], path)


def test_a_model_of_another_kind_is_refused(bases, tmp_path):
    base, path = bases[T2V], tmp_path / "model.gguf"
    gguf_files.write(path, base.weights, Kind.Q8_0, architecture="flux")
    assert "of the kind flux and not a Wan" in refusal(base, path)


def test_weights_of_another_size_are_refused(bases, tmp_path):
    base, path = bases[T2V], tmp_path / "model.gguf"
    key = "blocks.0.attn1.to_q.weight"
    gguf_files.write(path, {**base.weights, key: torch.zeros(32, 64)}, Kind.Q8_0)
    assert "has the shape (32, 64) and the model's (32, 32)" in refusal(base, path)


def test_numbers_beyond_the_models_are_never_dequantized(bases, tmp_path, monkeypatch):
    """A small tensor of a few gigabytes, at two bits a number, would be sixteen times as much."""
    base, path = bases[T2V], tmp_path / "model.gguf"
    held = base.weights | {"blocks.0.norm2.bias": torch.zeros(4096)}
    gguf_files.write(path, held, Kind.Q8_0)
    monkeypatch.setattr(module, "dequantize_gguf_tensor", pytest.fail)
    assert "blocks.0.norm2.bias has the shape (4096,)" in refusal(base, path)


def test_a_file_that_memory_can_not_hold_is_no_broken_one(bases, tmp_path, monkeypatch):
    base, path = bases[T2V], tmp_path / "model.gguf"
    gguf_files.write(path, base.weights, Kind.Q8_0)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(np, "memmap", refuse)
    with pytest.raises(OSError, match="Cannot allocate"):
        load(base, path)


def test_channels_of_another_wan_are_refused(bases, tmp_path):
    path = tmp_path / "model.gguf"
    gguf_files.write(path, bases[ARCHITECTURES["36 channels"]].weights, Kind.Q8_0)
    assert "patch_embedding.weight has the shape" in refusal(bases[T2V], path)


def test_missing_weights_are_refused(bases, tmp_path):
    base, path = bases[T2V], tmp_path / "model.gguf"
    fewer = {key: one for key, one in base.weights.items() if not key.startswith("blocks.1.")}
    gguf_files.write(path, fewer, Kind.Q8_0)
    assert "it lacks" in refusal(base, path)


def test_weights_without_a_place_are_refused(bases, tmp_path):
    path = tmp_path / "model.gguf"
    gguf_files.write(path, bases[ARCHITECTURES["VACE"]].weights, Kind.Q8_0)
    assert "no place for" in refusal(bases[T2V], path)


def test_a_quantization_that_nothing_computes_with_is_refused(bases, tmp_path):
    base, path = bases[T2V], tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(path, "wan")
    data = gguf.quantize(np.zeros((4, 256), np.float32), Kind.TQ2_0)
    writer.add_tensor("blocks.0.ffn.2.weight", data, raw_dtype=Kind.TQ2_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert "TQ2_0" in refusal(base, path)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + bytes(50), b"\x80\x04" + bytes(50)])
def test_a_file_that_is_no_safetensors_is_refused(bases, tmp_path, data):
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    refusal(bases[T2V], path)
