"""Memory runs out at every stage: what is tried, what is told, and that the next job works.

There is no GPU here, so an allocator's refusal is made up: by a budget in bytes, held against the
weights that are really in memory when a part is called.
"""

from __future__ import annotations

import ctypes
import gc
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from safetensors import SafetensorError
from transformers import UMT5Config, UMT5EncoderModel

from tests import replicas
from tests.engine.pipelines.test_calls import inputs, request
from wan_demo import catalog
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Event, Finished, Loading, Planned, Step
from wan_demo.domain.memory import Profile
from wan_demo.engine import preview
from wan_demo.engine.memory import GIB, Machine, decide
from wan_demo.engine.pipelines import engine as module
from wan_demo.engine.pipelines.decoding import decode_clip, use_tiles
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.engine.pipelines.load import Loaded, load
from wan_demo.engine.pipelines.shortage import is_shortage
from wan_demo.errors import DoesNotFit, GenerationFailed, InvalidRequest, OutOfMemory

SPEC, OTHER = catalog.find("wan2.1-t2v-1.3b"), catalog.find("wan2.2-ti2v-5b")
TASK = SPEC.tasks[0]
LARGE = Machine("cpu", 0, 0, 256 * GIB, 200 * GIB, 500 * GIB, has_bf16=False)
NOTICE = "Out of memory: again with in_turn, fp32 "

CUDA = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
OF_THE_CPU = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 140737488355328 bytes. Error code 12 (Cannot allocate memory)"
)


@dataclass
class Memory:
    """Refuses a part's call once more than ``budget`` bytes of weights are there.

    ``at_call`` counts the transformer's passes from 1: the first ones may still fit.
    """

    budget: float = float("inf")
    at_call: int = 1
    error: Exception = field(default_factory=lambda: CUDA)
    calls: int = 0
    loaded: list[weakref.ref[Any]] = field(default_factory=list)

    def watch(self, model: Loaded) -> Loaded:
        transformer = model.parts["transformer"]
        transformer.register_forward_pre_hook(lambda *_: self._claim(model))
        self.loaded.append(weakref.ref(transformer))
        return model

    def _claim(self, model: Loaded) -> None:
        self.calls += 1
        parts = [part for part in model.parts.values() if isinstance(part, torch.nn.Module)]
        there = sum(one.nbytes for p in parts for one in p.parameters() if not one.is_meta)
        if self.calls >= self.at_call and there > self.budget:
            raise type(self.error)(*self.error.args)  # a new one: it holds what it went through


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Checkpoint]:
    """Two replicas; the text encoder of one holds 26 MB, so that a leak would be seen."""
    root = tmp_path_factory.mktemp("replicas")
    found = {}
    for spec in (SPEC, OTHER):
        folder = replicas.publish(spec, root / spec.id)
        found[spec.id] = Checkpoint(folder, {}, {})
    large = UMT5Config(
        vocab_size=200_000,
        d_model=replicas.TEXT_WIDTH,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
    )
    torch.manual_seed(0)
    UMT5EncoderModel(large).save_pretrained(found[SPEC.id].folder / "text_encoder")
    return found


@pytest.fixture
def memory(monkeypatch) -> Memory:
    """The memory that models are loaded into from here on."""
    memory = Memory()
    monkeypatch.setattr(module, "load", lambda *rest: memory.watch(load(*rest)))
    return memory


@pytest.fixture
def engine(folders, tmp_path) -> PipelineEngine:
    return PipelineEngine(
        catalog.find, lambda spec, *_: folders[spec.id], "cpu", lambda: LARGE, tmp_path
    )


def asked(spec=SPEC, **changes: Any) -> Any:
    return request(spec, spec.tasks[0]).model_copy(update=changes)


def run(engine: PipelineEngine, spec=SPEC, **changes: Any) -> list[Event]:
    return list(engine.generate(asked(spec, **changes), inputs(spec, spec.tasks[0])))


def finished(events: list[Event]) -> Finished:
    last = events[-1]
    assert isinstance(last, Finished)
    return last


def without_encoders(engine: PipelineEngine) -> int:
    """Bytes that hold a transformer but not the text encoder beside it."""
    assert engine._loaded is not None
    parts = engine._loaded.parts
    sizes = {
        n: sum(p.nbytes for p in parts[n].parameters()) for n in ("text_encoder", "transformer")
    }
    assert sizes["text_encoder"] > 2 * sizes["transformer"]
    return sizes["text_encoder"]


@pytest.mark.parametrize("error", [CUDA, OF_THE_CPU], ids=["CUDA", "CPU"])
@pytest.mark.parametrize("at_call", [1, 2, 5], ids=["first pass", "second pass", "third step"])
def test_denoising_begins_once_more_a_rung_lower(engine, memory, at_call, error):
    whole = finished(run(engine))
    memory.budget, memory.at_call, memory.error = without_encoders(engine), at_call, error
    memory.calls = 0
    events = run(engine)
    planned = [event for event in events if isinstance(event, Planned)]
    assert [event.notice[: len(NOTICE)] for event in planned] == ["", NOTICE]
    assert np.array_equal(finished(events).frames, whole.frames)
    told = finished(events).provenance["memory"]
    assert told == "in_turn, fp32, after resident, fp32 ran out"
    assert whole.provenance["memory"] == "resident, fp32"
    assert [event.index for event in events if isinstance(event, Step)][-3:] == [1, 2, 3]


def test_further_clips_of_a_job_do_not_run_out_again_and_another_job_is_planned_anew(
    engine, memory
):
    run(engine)
    memory.budget = without_encoders(engine)
    run(engine)
    memory.calls = 0
    assert finished(run(engine, seed=2)).provenance["memory"] == "in_turn, fp32"
    assert memory.calls == 6  # two passes a step, and none that failed
    memory.budget = float("inf")
    assert finished(run(engine, prompt="an owl")).provenance["memory"] == "resident, fp32"
    assert finished(run(engine)).provenance["memory"] == "resident, fp32"


def test_a_second_shortage_is_the_end_of_the_job_and_of_nothing_else(engine, memory):
    whole = finished(run(engine))
    memory.budget = -1
    with pytest.raises(OutOfMemory) as caught:
        run(engine)
    assert str(caught.value) == (
        "Wan2.1 T2V 1.3B ran out of memory while denoising at 64x64x9 (resident, fp32 and in_turn, "
        "fp32). Fewer frames or a smaller size need less."
    )
    del caught
    gc.collect()
    assert len(memory.loaded) == 2
    assert [each() for each in memory.loaded] == [None, None]
    memory.budget = float("inf")
    assert np.array_equal(finished(run(engine)).frames, whole.frames)


def test_at_the_end_of_the_ladder_it_is_said_at_once(engine, memory):
    memory.budget = -1
    with pytest.raises(OutOfMemory, match=r" \(in_turn, fp32\)\. "):
        run(engine, profile=Profile.IN_TURN, precision=None, width=64)  # no lower one in fp32
    assert len(memory.loaded) == 1


def test_loading_that_runs_out_is_tried_lower_too(engine, memory, monkeypatch):
    whole, tries = finished(run(engine, OTHER)), []

    def too_large(spec: Any, files: Any, rung: Any, *rest: Any) -> Loaded:
        tries.append(rung.profile)
        if rung.profile is Profile.RESIDENT:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return load(spec, files, rung, *rest)

    monkeypatch.setattr(module, "load", too_large)
    run(engine, SPEC, profile=Profile.IN_TURN)
    last = finished(run(engine, OTHER))
    assert tries == [Profile.IN_TURN, Profile.RESIDENT, Profile.IN_TURN]
    assert np.array_equal(last.frames, whole.frames)


def test_a_cancel_during_the_second_try_is_one(engine, memory):
    run(engine)
    memory.budget = without_encoders(engine)
    generation = engine.generate(asked(), inputs(SPEC, TASK))
    for event in generation:
        if isinstance(event, Planned) and event.notice:
            break
    generation.close()
    with pytest.raises(StopIteration):
        next(generation)
    memory.budget = float("inf")
    assert finished(run(engine)).provenance["memory"] == "resident, fp32"


def test_other_errors_are_not_taken_for_a_shortage(engine, memory):
    memory.budget, memory.error = -1, RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(GenerationFailed) as caught:
        run(engine)
    assert not isinstance(caught.value, OutOfMemory)
    assert len(memory.loaded) == 1


def wrapped(cause: Exception, error: Exception) -> Exception:
    """As diffusers reports a file that it could not read, two errors later."""
    try:
        try:
            raise cause
        except Exception:
            raise ValueError("while that was handled")  # noqa: B904
    except Exception as fault:
        error.__context__ = fault
    return error


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (CUDA, True),
        (OF_THE_CPU, True),
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (torch.AcceleratorError("CUDA error: out of memory"), True),
        (torch.AcceleratorError("CUDA error: an illegal memory access"), False),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("can't start new thread"), True),
        (wrapped(MemoryError(), OSError("Unable to load weights")), True),
        (wrapped(ValueError("another"), OSError("Unable to load weights")), False),
        (SafetensorError("Error: Cannot allocate memory (os error 12)"), True),
        (SafetensorError("Error: InvalidHeader"), False),
        (OSError(2, "No such file"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_says_that_memory_ran_out(error, answer):
    assert is_shortage(error) is answer


def test_a_preview_that_does_not_fit_is_left_out(engine, monkeypatch):
    def refuse(*_: object) -> None:
        raise CUDA

    monkeypatch.setattr(preview, "render", refuse)
    events = run(engine)
    assert [event.preview for event in events if isinstance(event, Step)] == [None] * 3
    assert finished(events).provenance["memory"] == "resident, fp32"


# The decode. Its budget is held against the latents that the decoder gets at once.


@pytest.fixture
def decoder(monkeypatch) -> Callable[[int], list[int]]:
    """Lets a model's decoder take so many places of a latent frame at once; tells what it got."""

    def limit(places: int) -> list[int]:
        got: list[int] = []

        def watch(*rest: Any) -> Loaded:
            model = load(*rest)
            forward = model.parts["vae"].decoder.forward

            def limited(x: torch.Tensor, *others: Any, **options: Any) -> torch.Tensor:
                got.append(x.shape[-1] * x.shape[-2])
                if got[-1] > places:
                    raise CUDA
                return forward(x, *others, **options)

            model.parts["vae"].decoder.forward = limited
            return model

        monkeypatch.setattr(module, "load", watch)
        return got

    return limit


WIDE: dict[str, Any] = {"width": 320, "height": 64, "num_inference_steps": 1}
WHOLE, TILE = 40 * 8, 32 * 8
"""Places of a latent frame of WIDE, and of a tile of 256 pixels of it."""


def test_a_decode_that_runs_out_is_done_in_tiles_and_no_step_again(engine, decoder):
    got = decoder(TILE)
    events = run(engine, **WIDE)
    assert finished(events).provenance["memory"] == "resident, fp32, decoded in tiles"
    assert max(got) == WHOLE
    assert got[-1] <= TILE
    assert [event.index for event in events if isinstance(event, Step)] == [1]
    assert sum(isinstance(event, Planned) for event in events) == 1


def test_tiles_are_those_of_a_rung_that_tiles(engine, decoder, tmp_path, folders):
    decoder(TILE)
    frames = finished(run(engine, **WIDE)).frames
    rung = decide(SPEC, LARGE, 320, 64, 9).rung
    latents = torch.zeros(1, 16, 3, 8, 40)
    model = load(SPEC, folders[SPEC.id], rung, tmp_path)
    plain = decode_clip(model, latents)
    use_tiles(model, True)
    assert plain is not None
    assert frames.shape == plain[0].shape
    assert not np.array_equal(frames[0], frames[-1])


def test_a_decode_that_never_fits_ends_the_job_and_the_model_works_on(engine, decoder):
    got = decoder(TILE - 1)
    with pytest.raises(OutOfMemory, match="ran out of memory while decoding at 320x64x9"):
        run(engine, **WIDE)
    before = len(got)
    assert finished(run(engine)).frames.shape == (9, 64, 64, 3)
    assert len(got) > before
    assert engine._loaded is not None


def test_the_last_way_to_decode_is_on_the_cpu(folders, tmp_path):
    """A device that is not the CPU's own name for itself stands for a GPU."""
    rung = decide(SPEC, LARGE, 320, 64, 9).rung
    latents = torch.randn(1, 16, 3, 8, 40, generator=torch.Generator().manual_seed(0))
    model = load(SPEC, folders[SPEC.id], module.replace(rung, device="cpu:0"), tmp_path)
    use_tiles(model, True)
    wanted = model.parts["vae"]
    forward, tries = wanted.decoder.forward, []

    def refuse_twice(*rest: Any, **options: Any) -> torch.Tensor:
        tries.append(wanted.use_tiling)
        if len(tries) <= 2:
            raise CUDA
        return forward(*rest, **options)

    wanted.decoder.forward = refuse_twice
    decoded = decode_clip(model, latents)
    assert decoded is not None
    assert decoded[1] == "decoded on the CPU"
    assert tries[:3] == [False, True, True]
    again = decode_clip(model, latents)
    assert again is not None
    assert again[1] == ""


# Before anything is fetched.


@pytest.mark.parametrize(
    ("changes", "error"),
    [({}, DoesNotFit), ({"profile": Profile.GROUP_OFFLOAD}, InvalidRequest)],
)
def test_what_cannot_be_is_said_before_a_byte_is_fetched(changes, error):
    small = Machine("cpu", 0, 0, 24 * GIB, 20 * GIB, 500 * GIB)
    large = catalog.find("wan2.1-t2v-14b")

    def fetch(*_: object) -> Checkpoint:
        pytest.fail("it asked for the files")

    engine = PipelineEngine(catalog.find, fetch, "cpu", lambda: small)
    with pytest.raises(error):
        run(engine, large, width=832, height=480, num_frames=81, **changes)


def test_a_pinned_choice_that_is_tight_is_obeyed_and_told(folders, tmp_path):
    small = Machine("cpu", 0, 0, 8 * GIB, 6 * GIB, 500 * GIB, has_bf16=False)
    engine = PipelineEngine(
        catalog.find, lambda spec, *_: folders[spec.id], "cpu", lambda: small, tmp_path
    )
    with pytest.raises(DoesNotFit):
        run(engine)
    events = run(engine, profile=Profile.RESIDENT)
    (planned,) = [event for event in events if isinstance(event, Planned)]
    assert "as you chose" in planned.sentence
    assert "may run out of memory" in planned.notice


def test_a_model_is_built_anew_only_where_the_rung_is_another(engine):
    def loads(**changes: Any) -> int:
        return sum(isinstance(event, Loading) for event in run(engine, **changes))

    assert [loads(), loads(), loads(profile=Profile.RESIDENT)] == [1, 0, 0]
    assert [loads(profile=Profile.IN_TURN), loads(profile=Profile.IN_TURN), loads()] == [1, 0, 1]


# Ten switches.


def tensors() -> int:
    gc.collect()
    return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())


M_ARENA_MAX = -8  # malloc.h


@pytest.fixture
def one_arena() -> None:
    """One heap for all threads.

    Each run has a thread of its own, and the C library a heap for every few threads: until all are
    in use memory grows, which is no leak and hides one.
    """
    with suppress(OSError, AttributeError):  # only GNU's has them
        ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, 1)


def resident() -> int:
    """RAM of this process, without what the C library keeps of freed memory for later."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return psutil.Process().memory_info().rss


@pytest.mark.usefixtures("one_arena")
def test_after_ten_switches_memory_is_where_it_was(engine, memory):
    def switch() -> tuple[int, int]:
        run(engine, OTHER)
        run(engine, SPEC)
        return tensors(), resident()

    run(engine, SPEC)
    held = without_encoders(engine)
    switch()
    before = switch()
    after = [switch() for _ in range(5)][-1]
    assert after[0] == before[0]
    assert after[1] - before[1] < held
    assert [each() is None for each in memory.loaded[:-1]] == [True] * (len(memory.loaded) - 1)
