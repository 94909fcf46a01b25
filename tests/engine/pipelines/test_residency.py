"""Whatever is kept where and however it comes, the same is computed: on small replicas.

On the CPU a part "comes" as a copy; the modules, hooks and files are those of a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event as Flag
from typing import Any

import numpy as np
import pytest
import torch

from tests import checkpoints, lora_files
from tests.engine.pipelines.test_calls import inputs, request
from wan_demo import catalog
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Frames
from wan_demo.domain.memory import Precision, Profile
from wan_demo.engine.memory import Home, Rung, ladder, plenty
from wan_demo.engine.pipelines.decoding import decode_clip
from wan_demo.engine.pipelines.denoise import denoise
from wan_demo.engine.pipelines.load import Loaded, load, read_vae
from wan_demo.engine.pipelines.remembered import Remembered
from wan_demo.engine.pipelines.residency import Residency, _FromRam, _tensors
from wan_demo.engine.stream import Emit

TEXT, PICTURE, PAIR = "wan2.1-t2v-1.3b", "wan2.1-i2v-14b-480p", "wan2.2-t2v-a14b"
QUANTIZED, ADAPTED = "wan2.1-t2v-14b-gguf", "wan2.2-t2v-a14b-lightning"
HERE = Home.DEVICE
PLAIN = Rung(Profile.RESIDENT, Precision.FP32, "cpu", "float32", HERE, HERE, HERE, HERE)
WITHOUT_COPIES = (Home.BLOCKS, Home.BLOCKS_LEAN, Home.LEAVES, Home.DISK)
ROUNDING = 1
"""Levels of 255: the same weights elsewhere in memory make other last bits, as kernels go by
alignment."""


@dataclass(frozen=True)
class Made:
    frames: Frames
    model: Loaded


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Checkpoint]:
    root = tmp_path_factory.mktemp("replicas")
    names = (TEXT, PICTURE, PAIR, QUANTIZED, ADAPTED)
    return {name: checkpoints.publish(catalog.find(name), root / name) for name in names}


class Maker:
    """Loads replicas as rungs say and makes a clip with each, the job's end included."""

    def __init__(self, files: dict[str, Checkpoint], folder: Path) -> None:
        self._files = files
        self._folder = folder
        self.loaded: list[Loaded] = []

    def __call__(self, name: str, rung: Rung) -> Made:
        spec = catalog.find(name)
        model = load(spec, self._files[name], rung, self._folder)
        self.loaded.append(model)
        made = Made(frames_of(model), model)
        model.residency.clear()
        return made


def frames_of(model: Loaded) -> Frames:
    task = model.spec.tasks[0]
    asked = request(model.spec, task).model_copy(update={"num_inference_steps": 2})
    emit, forgetful = Emit(lambda _event: None, Flag()), Remembered(0, 0)
    made = denoise(model, asked, inputs(model.spec, task), forgetful, emit)
    decoded = decode_clip(model, made.latents)
    assert decoded is not None
    return decoded[0]


@pytest.fixture
def make(files, tmp_path) -> Iterator[Maker]:
    maker = Maker(files, tmp_path / "offload")
    yield maker
    for model in maker.loaded:
        model.residency.close()


@pytest.fixture(scope="module")
def plain(files, tmp_path_factory) -> Callable[[str], Frames]:
    """Frames with everything in its place, made once for all."""
    known: dict[str, Frames] = {}

    def plain(name: str) -> Frames:
        if name not in known:
            known[name] = Maker(files, tmp_path_factory.mktemp("plain"))(name, PLAIN).frames
        return known[name]

    return plain


def all_at(home: Home, **changes: Any) -> Rung:
    """A rung with every part at one home; a VAE is never streamed."""
    vae = home if home in (Home.DEVICE, Home.STAGE, Home.DISK) else Home.STAGE
    homes = {"text_encoder": home, "image_encoder": home, "transformer": home, "vae": vae}
    return replace(PLAIN, **homes, **changes)


def difference(one: Frames, other: Frames) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def on_meta(part: torch.nn.Module) -> bool:
    return all(tensor.is_meta for _, _, tensor in _tensors(part))


@pytest.mark.parametrize("home", [home for home in Home if home is not Home.DEVICE])
@pytest.mark.parametrize("name", [TEXT, PICTURE, PAIR])
def test_every_home_makes_the_same_frames(make, plain, name, home):
    made = make(name, all_at(home))
    assert difference(made.frames, plain(name)) <= ROUNDING
    if home in WITHOUT_COPIES:
        assert np.array_equal(made.frames, make(name, all_at(home)).frames)


@pytest.mark.parametrize("profile", [Profile.RESIDENT, Profile.IN_TURN])
def test_every_profile_of_the_cpu_makes_the_same_frames_to_the_bit(make, plain, profile):
    spec = catalog.find(PICTURE)
    rung = next(ladder(spec, plenty("cpu"), profile, Precision.FP32))
    assert np.array_equal(make(PICTURE, rung).frames, plain(PICTURE))


@pytest.mark.parametrize("name", [QUANTIZED, ADAPTED])
@pytest.mark.parametrize("home", [Home.STAGE, Home.BLOCKS, Home.DISK, Home.DISK_BLOCKS])
def test_gguf_and_adapters_come_along(make, plain, name, home):
    assert difference(make(name, all_at(home)).frames, plain(name)) <= ROUNDING


def test_a_part_from_the_disk_is_alone_while_it_works(make, files, tmp_path):
    spec, others = catalog.find(PAIR), ("text_encoder", "vae", "transformer_2")
    model = load(spec, files[PAIR], all_at(Home.DISK), tmp_path)
    assert all(on_meta(model.parts[name]) for name in spec.architecture.parts)
    seen: list[bool] = []

    def look(*_: object) -> None:
        seen.append(all(on_meta(model.parts[name]) for name in others))

    model.parts["transformer"].patch_embedding.register_forward_pre_hook(look)
    frames_of(model)
    assert seen
    assert all(seen)
    assert not model.residency.is_at_hand("vae")
    model.residency.clear()
    assert all(on_meta(model.parts[name]) for name in spec.architecture.parts)


def test_a_part_in_ram_leaves_when_another_one_comes(make):
    model = make(TEXT, all_at(Home.STAGE)).model
    text, vae = model.parts["text_encoder"], model.parts["vae"]
    home = {name: next(part.parameters()).data_ptr() for name, part in (("t", text), ("v", vae))}
    with torch.no_grad():
        text(torch.ones(1, 4, dtype=torch.long))
    assert next(text.parameters()).data_ptr() != home["t"]
    with torch.no_grad():
        vae.decode(torch.zeros(1, vae.config.z_dim, 1, 4, 4))
    assert next(text.parameters()).data_ptr() == home["t"]
    assert next(vae.parameters()).data_ptr() != home["v"]
    model.residency.clear()
    assert next(vae.parameters()).data_ptr() == home["v"]


def test_encoders_leave_before_parts_that_stay(make):
    rung = replace(PLAIN, text_encoder=Home.STAGE, image_encoder=Home.STAGE)
    model = make(PICTURE, rung).model
    text = model.parts["text_encoder"]
    home = next(text.parameters()).data_ptr()
    with torch.no_grad():
        text(torch.ones(1, 4, dtype=torch.long))
        assert next(text.parameters()).data_ptr() != home
        model.parts["vae"].encode(torch.zeros(1, 3, 1, 32, 32))
    assert next(text.parameters()).data_ptr() == home


def test_what_two_modules_share_comes_once(make):
    text = make(TEXT, all_at(Home.STAGE)).model.parts["text_encoder"]
    turn = _FromRam(text)
    turn.come(torch.device("cpu"))
    assert text.shared.weight is text.encoder.embed_tokens.weight
    turn.leave()
    assert text.shared.weight is text.encoder.embed_tokens.weight


class Heavy(torch.nn.Parameter):
    """A weight that the device has no room for, until it has."""

    fits = False

    def to(self, *arguments: Any, **options: Any) -> Any:
        if not Heavy.fits:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().to(*arguments, **options)


def test_a_part_that_does_not_fit_is_back_where_it_was_and_may_come_again():
    layer = torch.nn.Linear(3, 3)
    layer.bias = Heavy(torch.ones(3), requires_grad=False)
    before, turn = (layer.weight, layer.bias), _FromRam(layer)
    for _ in range(2):
        with pytest.raises(torch.OutOfMemoryError):
            turn.come(torch.device("cpu"))
        assert (layer.weight, layer.bias) == before
    Heavy.fits = True
    turn.come(torch.device("cpu"))
    assert layer.weight is not before[0]
    turn.leave()
    assert layer.weight is before[0]


def test_what_is_offloaded_to_the_disk_is_deleted_with_the_model(make, tmp_path):
    model = make(PAIR, all_at(Home.DISK_BLOCKS)).model
    folder = tmp_path / "offload"
    assert {path.parent.name for path in folder.rglob("*.safetensors")} == {
        "text_encoder",
        "transformer",
        "transformer_2",
    }
    model.residency.close()
    assert list(folder.iterdir()) == []


def test_a_model_that_cannot_be_loaded_leaves_nothing_on_the_disk(files, tmp_path, monkeypatch):
    placed = Residency.place

    def place(self: Residency, name: str, *rest: Any) -> None:
        placed(self, name, *rest)
        if name == "transformer":
            raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(Residency, "place", place)
    with pytest.raises(torch.OutOfMemoryError):
        load(catalog.find(TEXT), files[TEXT], all_at(Home.DISK_LEAVES), tmp_path)
    assert list(tmp_path.iterdir()) == []


# Precisions. fp8 is not offered on the CPU, where nothing is gained, but it computes there.


def test_bf16_makes_nearly_the_same_frames(make, plain):
    rung = replace(PLAIN, precision=Precision.BF16, dtype="bfloat16")
    made = make(TEXT, rung)
    assert made.model.parts["transformer"].dtype == torch.bfloat16
    assert made.model.parts["vae"].dtype == torch.float32
    assert np.abs(made.frames.astype(int) - plain(TEXT)).mean() < 2


def test_the_vae_alone_computes_in_bf16(make, plain):
    made = make(TEXT, replace(PLAIN, vae_dtype="bfloat16"))
    assert made.model.parts["transformer"].dtype == torch.float32
    assert made.model.parts["vae"].dtype == torch.bfloat16
    assert np.abs(made.frames.astype(int) - plain(TEXT)).mean() < 2


@pytest.mark.parametrize("home", [Home.DEVICE, Home.STAGE, Home.DISK])
def test_the_vae_changes_its_precision_and_all_else_stays(files, make, home):
    rungs = [all_at(home, vae_dtype=dtype) for dtype in ("float32", "bfloat16", "float32")]
    made = make(TEXT, rungs[0])
    frames, model = [made.frames], made.model
    for rung in rungs[1:]:
        again = read_vae(model, files[TEXT], rung)
        frames.append(frames_of(again))
        assert again.parts["transformer"] is made.model.parts["transformer"]
        assert str(again.parts["vae"].dtype) == f"torch.{rung.vae_dtype}"
        model = again
    assert difference(frames[0], frames[2]) <= ROUNDING
    assert not np.array_equal(frames[0], frames[1])
    assert np.abs(frames[0].astype(int) - frames[1]).mean() < 2


FP8 = replace(PLAIN, precision=Precision.FP8)


def test_fp8_is_what_rounded_weights_make(make, files, tmp_path):
    narrow = make(TEXT, FP8)
    stored = {
        name: one
        for name, one in narrow.model.parts["transformer"].named_parameters()
        if one.dtype == torch.float8_e4m3fn
    }
    assert {"blocks.0.ffn.net.2.weight", "blocks.1.attn2.to_v.bias"} <= stored.keys()
    assert not any("condition_embedder" in name or "norm" in name for name in stored)
    spec = catalog.find(TEXT)
    wide = load(spec, files[TEXT], PLAIN, tmp_path)
    with torch.no_grad():
        for name, one in stored.items():
            wide.parts["transformer"].get_parameter(name).copy_(one.to(torch.float32))
    assert difference(frames_of(wide), narrow.frames) <= ROUNDING


@pytest.mark.parametrize("home", [Home.STAGE, Home.BLOCKS, Home.LEAVES, Home.DISK_BLOCKS])
@pytest.mark.parametrize("name", [TEXT, ADAPTED])
def test_fp8_streams_and_takes_turns_as_well(make, name, home):
    whole = make(name, FP8).frames
    streamed = make(name, all_at(home, precision=Precision.FP8))
    assert difference(streamed.frames, whole) <= ROUNDING
    stored = {one.dtype for one in streamed.model.parts["transformer"].blocks.parameters()}
    assert torch.float8_e4m3fn in stored


@pytest.mark.parametrize("home", [Home.DISK, Home.DISK_BLOCKS, Home.DISK_LEAVES])
def test_a_lora_goes_to_the_disk_with_the_weights(files, make, plain, tmp_path, home):
    path = tmp_path / "style.safetensors"
    transformer = checkpoints.transformer(catalog.find(TEXT), files[TEXT].folder)
    lora_files.write(path, lora_files.matrices(transformer, 1), "comfy")
    frames = []
    for rung in (PLAIN, all_at(home)):
        worn = {"transformer": {path: 0.7}}
        model = load(catalog.find(TEXT), files[TEXT], rung, tmp_path / "offload", worn)
        make.loaded.append(model)
        frames += [frames_of(model), frames_of(model)]
    assert difference(frames[0], plain(TEXT)) > ROUNDING
    assert all(difference(frames[0], other) <= ROUNDING for other in frames[1:])


@pytest.mark.parametrize("name", [TEXT, ADAPTED])
@pytest.mark.parametrize("home", [Home.DEVICE, Home.STAGE, Home.BLOCKS, Home.LEAVES, Home.DISK])
def test_int8_of_torchao_makes_nearly_the_same_frames(make, plain, name, home):
    pytest.importorskip("torchao")
    made = make(name, all_at(home, precision=Precision.INT8))
    assert np.abs(made.frames.astype(int) - plain(name)).mean() < 2
    whole = make(name, replace(PLAIN, precision=Precision.INT8))
    assert difference(made.frames, whole.frames) <= ROUNDING
    transformer = whole.model.parts["transformer"]
    linears = [m for n, m in transformer.blocks.named_modules() if n.endswith("ffn.net.2")]
    held = [getattr(one, "base_layer", one).weight for one in linears]
    assert {type(weight).__module__.split(".")[0] for weight in held} == {"torchao"}
    assert not any("torchao" in type(p).__module__ for p in transformer.proj_out.parameters())


def test_the_folder_for_offloading_is_made_when_it_is_needed(make, tmp_path: Path):
    make(TEXT, PLAIN)
    assert not (tmp_path / "offload").exists()
