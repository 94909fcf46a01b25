"""LoRAs from one request to the next: worn, told in the metadata, and gone without a trace."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests import checkpoints, lora_files, replicas
from tests.engine.pipelines.test_calls import inputs, request
from tests.engine.pipelines.test_residency import ROUNDING, difference
from wan_demo import catalog
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Finished, Loading, Step
from wan_demo.domain.lora import parse
from wan_demo.domain.memory import Profile
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.pipelines import lora
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.errors import GenerationFailed, ModelUnavailable
from wan_demo.hub.loras import LoraFiles
from wan_demo.media.loras import LoraFolder

BASE = catalog.find("wan2.2-t2v-a14b")
ONE = catalog.find("wan2.1-t2v-1.3b")
LIGHTNING = catalog.find("wan2.2-t2v-a14b-lightning")
QUANTIZED = catalog.find("wan2.2-t2v-a14b-gguf")

Make = Callable[..., Finished]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Checkpoint]:
    root = tmp_path_factory.mktemp("bases")
    folder = replicas.publish(BASE, root / "base")
    return {
        BASE.id: Checkpoint(folder, {}, {}),
        ONE.id: Checkpoint(replicas.publish(ONE, root / "one"), {}, {}),
        LIGHTNING.id: Checkpoint(folder, {}, checkpoints.publish(LIGHTNING, root / "l").loras),
        QUANTIZED.id: checkpoints.publish(QUANTIZED, root / "q"),
    }


@pytest.fixture(scope="module")
def shelf(files, tmp_path_factory) -> Path:
    """The data folder's ``loras/``: two styles, a pair, and a file that is none."""
    folder = tmp_path_factory.mktemp("loras")
    transformer = checkpoints.transformer(BASE, files[BASE.id].folder)
    for seed, name in enumerate(("one", "two", "x_HIGH_fp16", "x_LOW_fp16")):
        pairs = lora_files.matrices(transformer, seed)
        lora_files.write(folder / f"{name}.safetensors", pairs, "lightx2v", alpha=4.0)
    (folder / "bad.safetensors").write_bytes(b"no LoRA at all")
    return folder


@pytest.fixture(scope="module")
def engine(files, shelf) -> PipelineEngine:
    worn = LoraFiles(LoraFolder(shelf).find).worn
    return PipelineEngine(catalog.find, lambda spec, *_: files[spec.id], "cpu", locate_loras=worn)


@pytest.fixture
def make(engine) -> Make:
    def make(said: str = "", spec: ModelSpec = BASE, profile: Profile | None = None) -> Finished:
        task = spec.tasks[0]
        changes = {"loras": parse(said), "profile": profile}
        asked = request(spec, task).model_copy(update=changes)
        last = list(engine.generate(asked, inputs(spec, task)))[-1]
        assert isinstance(last, Finished)
        return last

    return make


def parts(engine: Any) -> dict[str, Any]:
    return {name: part for name, part in engine._loaded.parts.items() if "transformer" in name}


def digest(engine: PipelineEngine) -> str:
    """SHA-256 over the names and bytes of both experts' weights, adapters among them."""
    found = hashlib.sha256()
    for part in parts(engine).values():
        for name, tensor in part.state_dict().items():
            found.update(name.encode() + tensor.contiguous().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def test_base_weights_are_bit_identical_once_nothing_is_worn(engine, make):
    bare, before = make(), digest(engine)
    dressed = make("one:0.8, x_HIGH_fp16")
    assert digest(engine) != before
    assert not np.array_equal(dressed.frames, bare.frames)
    assert np.array_equal(make().frames, bare.frames)
    assert digest(engine) == before
    assert not any(lora.weights(part) for part in parts(engine).values())


def test_a_change_reloads_no_base(engine, make):
    make("one")
    before = parts(engine)
    asked = request(BASE, BASE.tasks[0]).model_copy(update={"loras": parse("two")})
    events = list(engine.generate(asked, inputs(BASE, BASE.tasks[0])))
    assert not any(isinstance(event, Loading) for event in events)
    assert all(part is before[name] for name, part in parts(engine).items())


def test_each_expert_wears_its_half_and_a_single_file_goes_to_both(engine, make):
    make("x_LOW_fp16:0.5, two:0.25")
    high, low = (
        {weight: name for name, weight in lora.weights(part).items()}
        for part in parts(engine).values()
    )
    assert high.keys() == low.keys() == {0.5, 0.25}
    assert high[0.5] != low[0.5]
    assert high[0.25] == low[0.25]


def test_the_metadata_names_each_file_its_weight_and_its_sha256(make, shelf):
    told = make("x_HIGH_fp16:0.5, two").provenance

    def line(held: str, weight: str, name: str) -> str:
        content = (shelf / f"{held}.safetensors").read_bytes()
        return f"sha256:{hashlib.sha256(content).hexdigest()} x {weight}, {name}.safetensors"

    assert {key: text for key, text in told.items() if "_lora_" in key} == {
        "transformer_lora_1": line("x_HIGH_fp16", "0.5", "x_HIGH_fp16"),
        "transformer_lora_2": line("two", "1", "two"),
        "transformer_2_lora_1": line("x_LOW_fp16", "0.5", "x_HIGH_fp16"),
        "transformer_2_lora_2": line("two", "1", "two"),
    }
    assert not any("_lora_" in key for key in make().provenance)


def test_weights_matter_and_what_was_worn_before_does_not(make):
    both = make("one, two:0.5").frames
    assert not np.array_equal(make("one, two:1.5").frames, both)
    make("two")
    assert np.array_equal(make("one, two:0.5").frames, both)
    assert np.array_equal(make("one:0").frames, make().frames)


def test_the_order_is_the_requests(engine, make):
    """Sums of floats differ by their order, and so may the last bits."""
    make("one, two")
    active = parts(engine)["transformer"].active_adapters()
    make("two, one")
    assert parts(engine)["transformer"].active_adapters() == active[::-1]


def test_a_file_that_is_written_anew_is_worn_anew(make, shelf, files):
    path = shelf / "changing.safetensors"
    transformer = checkpoints.transformer(BASE, files[BASE.id].folder)
    made = []
    for seed in (7, 8):
        lora_files.write(path, lora_files.matrices(transformer, seed), "comfy")
        made.append(make("changing"))
    assert not np.array_equal(made[0].frames, made[1].frames)
    assert made[0].provenance["transformer_lora_1"] != made[1].provenance["transformer_lora_1"]


def test_a_bad_one_is_refused_with_everything_as_before(engine, make):
    before, state = make("one").frames, digest(engine)
    with pytest.raises(ModelUnavailable, match=r"^The LoRA bad\.safetensors can't be used: "):
        make("two, bad")
    assert digest(engine) == state
    assert np.array_equal(make("one").frames, before)


def test_a_file_that_goes_while_it_is_worn_costs_no_clip(engine, make, shelf):
    content = (shelf / "one.safetensors").read_bytes()
    (shelf / "going.safetensors").write_bytes(content)
    asked = request(BASE, BASE.tasks[0]).model_copy(update={"loras": parse("going")})
    last = None
    for last in engine.generate(asked, inputs(BASE, BASE.tasks[0])):
        if isinstance(last, Step) and last.index == 1:
            (shelf / "going.safetensors").unlink()
    assert isinstance(last, Finished)
    told = last.provenance["transformer_lora_1"]
    assert told.startswith(f"sha256:{hashlib.sha256(content).hexdigest()} x 1")
    assert np.array_equal(last.frames, make("one").frames)


def test_one_that_is_too_strong_is_blamed_and_not_the_model(engine, make, shelf, files):
    before, state = make().frames, digest(engine)
    transformer = checkpoints.transformer(BASE, files[BASE.id].folder)
    pairs = lora_files.matrices(transformer)
    lora_files.write(shelf / "loud.safetensors", pairs, "lightx2v", alpha=1e37)
    with pytest.raises(GenerationFailed, match=r"NaN: loud\.safetensors may be too strong"):
        make("loud")
    assert np.array_equal(make().frames, before)
    assert digest(engine) == state


def test_a_specs_own_pair_stays(engine, make):
    own = make(spec=LIGHTNING).frames
    assert not np.array_equal(make("one", LIGHTNING).frames, own)
    assert all(lora.BUILT_IN in lora.weights(part) for part in parts(engine).values())
    assert np.array_equal(make(spec=LIGHTNING).frames, own)


def test_they_go_over_quantized_experts(engine, make):
    bare, before = make(spec=QUANTIZED).frames, digest(engine)
    assert not np.array_equal(make("x_HIGH_fp16, one:0.5", QUANTIZED).frames, bare)
    assert np.array_equal(make(spec=QUANTIZED).frames, bare)
    assert digest(engine) == before


def test_another_model_has_nothing_on(engine, make):
    make("one")
    make(spec=ONE)
    assert not lora.weights(parts(engine)["transformer"])


def test_many_swaps_leave_memory_where_it_was(engine, make, shelf):
    make("one")
    held = []
    for _ in range(2):
        for name in ("two", "one") * 5:
            path = shelf / f"{name}.safetensors"
            lora.wear(parts(engine), {"transformer": {path: 1.0}, "transformer_2": {path: 1.0}})
        held.append(tensors_held())
    assert held[0] == held[1]
    lora.wear(parts(engine), {})
    assert tensors_held() < held[0]


def tensors_held() -> tuple[int, int]:
    """How many tensors there are, and how many numbers they hold."""
    tensors = [one for one in gc.get_objects() if issubclass(type(one), torch.Tensor)]
    return len(tensors), sum(one.numel() for one in tensors)


def test_weights_on_the_disk_are_dressed_before_they_go_there(engine, make):
    profile = Profile.IN_TURN
    bare, expected = make(), make("one:0.8, x_HIGH_fp16")
    assert difference(bare.frames, expected.frames) > ROUNDING
    models = []
    for said, wanted in (("", bare), ("one:0.8, x_HIGH_fp16", expected), ("", bare)):
        made = [make(said, profile=profile) for _ in range(2)]
        assert np.array_equal(made[0].frames, made[1].frames)
        assert difference(made[0].frames, wanted.frames) <= ROUNDING
        models.append(engine._loaded)
    assert len({id(model) for model in models}) == 3  # one loading for each change
    with pytest.raises(ModelUnavailable):
        make("bad", profile=profile)
    assert difference(make(profile=profile).frames, bare.frames) <= ROUNDING


def test_nothing_is_tidied_up_where_nothing_came_off(engine, make, monkeypatch):
    make("one")
    tidied: list[None] = []
    monkeypatch.setattr(lora.gc, "collect", lambda: tidied.append(None))
    lora.wear(parts(engine), {})
    assert len(tidied) == 1
    lora.wear(parts(engine), {})
    assert len(tidied) == 1
