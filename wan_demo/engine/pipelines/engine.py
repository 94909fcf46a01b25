"""The cached pipeline singleton of a worker process."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event as Flag
from typing import cast

import diffusers
import torch
import transformers

from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import (
    Decoding,
    Event,
    Finished,
    Frames,
    Loading,
    Planned,
    Ready,
)
from wan_demo.domain.lora import Lora, Worn
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest
from wan_demo.engine.base import Inputs
from wan_demo.engine.memory import (
    Decision,
    Machine,
    Rung,
    decide,
    decide_for,
    default_clip,
    lower,
    plenty,
)
from wan_demo.engine.memory.machine import Device as Kind
from wan_demo.engine.memory.words import ran_out
from wan_demo.engine.panic import is_fault
from wan_demo.engine.pipelines import lora, wardrobe
from wan_demo.engine.pipelines.decoding import decode_clip, use_tiles
from wan_demo.engine.pipelines.denoise import Denoised, denoise
from wan_demo.engine.pipelines.fetching import fetching
from wan_demo.engine.pipelines.load import Loaded, check, load, read_vae
from wan_demo.engine.pipelines.provenance import environment
from wan_demo.engine.pipelines.remembered import Remembered
from wan_demo.engine.pipelines.residency import must_dress_first
from wan_demo.engine.pipelines.restyle import finish
from wan_demo.engine.pipelines.shortage import collect, is_shortage
from wan_demo.engine.stream import Closed, Emit, Lane
from wan_demo.errors import GenerationFailed, OutOfMemory, WanDemoError

log = logging.getLogger(__name__)

ATTEMPTS = 2
"""How often a clip is begun: once more where memory ran out."""

DEVICE_LOST = 70
"""The exit status of a worker whose device failed."""

REMEMBERED_BYTES = 512 * 2**20
"""RAM for prompts (4 MB each of umT5-XXL in bf16) and pictures (24 MB at 720p and 81 frames)."""

REMEMBERED = 128
"""How many of them: as many prompts of umT5-XXL have room, and a small model needs no more."""

Locate = Callable[[ModelSpec, Callable[[int, int], None], Callable[[], bool]], Checkpoint]
"""A model's files, fetched where need be.

It tells the bytes that are here and all bytes, and asks whether to stop. Raises
ModelUnavailable, and DownloadStopped when it was to stop.
"""

LocateLoras = Callable[[Sequence[Lora], int, Callable[[int, int], None], Callable[[], bool]], Worn]
"""The files of LoRAs for a model of so many experts, fetched in the same way."""


class PipelineEngine:
    """One model in memory at a time, reused by all; see ``wan_demo.engine.base.Engine``.

    ``measure`` tells what the machine has for a model whenever a job begins; without it there is
    plenty of everything. ``folder`` is for weights that are kept on the disk.
    """

    def __init__(
        self,
        find: Callable[[str], ModelSpec],
        locate: Locate,
        device: str,
        measure: Callable[[], Machine] | None = None,
        folder: Path | None = None,
        locate_loras: LocateLoras = lambda *_: {},
    ) -> None:
        self._find = find
        self._locate = locate
        self._locate_loras = locate_loras
        self._device = device
        self._measure = measure or partial(plenty, cast(Kind, device))
        self._folder = folder or Path(tempfile.gettempdir())
        self._loaded: Loaded | None = None
        self._remembered = Remembered(REMEMBERED_BYTES, REMEMBERED)
        self._lane = Lane("generation")
        self._lowered: tuple[GenerationRequest, Decision] | None = None
        _quiet()
        _repeatable()

    def generate(self, request: GenerationRequest, inputs: Inputs) -> Generator[Event, None, None]:
        return self._lane.stream(lambda emit: self._generate(request, inputs, emit))

    def place(self, model: str) -> None:
        """Load a model, kept as most of its clips will need it.

        ZeroGPU takes over what its main thread puts on a GPU before the page is launched.
        """
        spec = self._find(model)
        clip = default_clip(spec)
        decision = decide(spec, self._measure(), clip.width, clip.height, clip.frames)
        log.info("%s", decision.sentence)
        self._load(decision, {}, Emit(lambda event: log.info("%s", event), Flag()))

    def _generate(self, request: GenerationRequest, inputs: Inputs, emit: Emit) -> None:
        try:
            frames, provenance = self._make(request, inputs, emit)
        except (WanDemoError, Closed):
            raise
        except torch.AcceleratorError as error:  # no later call on this device would work
            log.exception("the device failed: this worker ends, another one takes over")
            raise SystemExit(DEVICE_LOST) from error
        except BaseException as error:
            if not is_fault(error):
                raise
            log.exception("generation failed")
            raise GenerationFailed(
                "The pipeline stopped with an error; the server's log has it."
            ) from error
        finally:
            self._clean()
        emit(Finished(frames, provenance))

    def _make(
        self, request: GenerationRequest, inputs: Inputs, emit: Emit
    ) -> tuple[Frames, dict[str, str]]:
        decision = self._decide(request)
        notice = decision.warning or ""
        log.info("%s %s", decision.sentence, notice)
        emit(Planned(decision.sentence, notice))
        loras = self._loras(decision.spec, request, emit)
        told = wardrobe.told(loras)  # of the files that are worn: they may be gone in the end
        made, story = self._denoised(decision, request, inputs, loras, emit)
        emit(Decoding())
        model = self._loaded
        assert model is not None  # it made the latents
        decoded = decode_clip(model, made.latents)
        if decoded is None:
            raise OutOfMemory(ran_out(decision.spec, decision.clip, [model.rung], "decoding"))
        frames, way = decoded
        if request.method is not None:
            frames = finish(frames, request, inputs, partial(_source, model, made))
        provenance = self._provenance(model, request, [*story, *([way] if way else [])])
        return frames, provenance | told

    def _decide(self, request: GenerationRequest) -> Decision:
        """Before anything is fetched or loaded; raises DoesNotFit, InvalidRequest.

        Where memory ran out for such a clip before and the model is still as it was after that,
        it stays so: a job's further clips do not each run out first.
        """
        if self._lowered is not None and self._lowered[0] == _but_for_the_seed(request):
            return self._lowered[1]
        return decide_for(request, self._find(request.model), self._measure())

    def _denoised(
        self,
        decision: Decision,
        request: GenerationRequest,
        inputs: Inputs,
        loras: Worn,
        emit: Emit,
    ) -> tuple[Denoised, list[str]]:
        """The clip's latents. Where memory runs out, all is cleared away and they are made once
        more a rung lower; that is told as phrases.

        Raises OutOfMemory where there is no lower rung, or memory runs out again.
        """
        tried: list[Rung] = []
        below: Decision | None = decision
        while below is not None and len(tried) < ATTEMPTS:
            if tried:
                log.warning(below.sentence)
                emit(Planned(below.sentence, notice=below.sentence))
            tried.append(below.rung)
            try:
                model = self._load(below, loras, emit)
                wardrobe.wear(model.parts, loras)
                made = denoise(model, request, inputs, self._remembered, emit)
            except Exception as error:
                if not is_shortage(error):
                    raise
                log.warning("out of memory with %s: %s", below.rung.name, str(error))
            else:
                if below is not decision:
                    self._lowered = (_but_for_the_seed(request), below)
                return made, [f"after {rung.name} ran out" for rung in tried[:-1]]
            model = None
            self._release()  # the exception is gone by now, and with it all that it held
            below = lower(below)
        raise OutOfMemory(ran_out(decision.spec, decision.clip, tried, "denoising"))

    def _load(self, decision: Decision, loras: Worn, emit: Emit) -> Loaded:
        spec, rung = decision.spec, decision.rung
        worn = wardrobe.files_of(loras) if must_dress_first(rung) else None
        if self._loaded is None or not _is_same(self._loaded, spec, rung, worn):
            files = self._files(spec, emit)
            check(spec, files)  # while the model in memory is still there
            emit(Loading(spec.id))
            self._release()
            self._loaded = load(spec, files, rung, self._folder, worn or {})
            emit(Ready())
        elif self._loaded.rung.vae_dtype != rung.vae_dtype:
            self._loaded = read_vae(self._loaded, self._files(spec, emit), rung)
        self._loaded = replace(self._loaded, rung=rung)
        use_tiles(self._loaded, rung.vae_tiling)
        return self._loaded

    def _release(self) -> None:
        """Give up the model in memory."""
        self._lowered = None
        if self._loaded is not None:
            self._loaded.residency.close()
        self._loaded = None
        collect()

    def _files(self, spec: ModelSpec, emit: Emit) -> Checkpoint:
        with fetching(emit) as fetch:
            return self._locate(spec, fetch.on_bytes, fetch.stopped)

    def _loras(self, spec: ModelSpec, request: GenerationRequest, emit: Emit) -> Worn:
        """The files of the request's LoRAs, looked at before a model is loaded for them."""
        with fetching(emit) as fetch:
            experts = spec.architecture.experts
            files = self._locate_loras(request.loras, experts, fetch.on_bytes, fetch.stopped)
        wardrobe.check(files)
        return files

    def _clean(self) -> None:
        """Leave nothing behind that a later run could see."""
        if self._loaded is not None:
            self._loaded.parts["vae"].clear_cache()
            self._loaded.residency.clear()

    def _provenance(
        self, model: Loaded, request: GenerationRequest, story: list[str]
    ) -> dict[str, str]:
        scheduler, shift = model.spec.solver(request)
        return {
            "model_revision": model.revision,
            "dtype": str(model.parts["transformer"].dtype).removeprefix("torch."),
            "memory": ", ".join([model.rung.name, *story]),
            "batch": "1",
            "scheduler": scheduler,
            "flow_shift": f"{shift:g}",
            **environment(self._device),
        }


def _source(model: Loaded, made: Denoised) -> Frames | None:
    """An edit's source through the VAE, as its own frames went."""
    decoded = None if made.source is None else decode_clip(model, made.source)
    return decoded and decoded[0]


def _is_same(model: Loaded, spec: ModelSpec, rung: Rung, worn: lora.Chosen | None) -> bool:
    """Whether a model in memory will do, but perhaps for its VAE.

    ``worn`` are LoRAs that can't be put on later, or None.
    """
    vae = {"vae_tiling": rung.vae_tiling, "vae_dtype": rung.vae_dtype}
    is_it = model.spec.id == spec.id and replace(model.rung, **vae) == rung
    return is_it and (worn is None or lora.is_wearing(model.parts, worn))


def _but_for_the_seed(request: GenerationRequest) -> GenerationRequest:
    return request.model_copy(update={"seed": 0})


def usable(device: str) -> str:
    """``device`` where this torch can compute on it, else cpu: a GPU's driver is not enough."""
    ready = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if device in ready and not ready[device]():
        log.warning("torch %s can't use %s, so it is the CPU", torch.__version__, device)
        return "cpu"
    return device


def _quiet() -> None:
    """Keep the libraries' progress bars and advice out of the log; errors still show."""
    for logging_of in (diffusers.utils.logging, transformers.utils.logging):
        logging_of.disable_progress_bar()
        logging_of.set_verbosity_error()


def _repeatable() -> None:
    """The same seed gives the same frames: cuDNN must not choose its kernels by a race."""
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
