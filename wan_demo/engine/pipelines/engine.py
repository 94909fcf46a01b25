"""The cached pipeline singleton of a worker process."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Generator
from typing import Any

import diffusers
import torch
import transformers

from wan_demo.domain.architecture import Call
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Decoding, Downloading, Event, Finished, Loading, Step
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest
from wan_demo.engine import preview
from wan_demo.engine.base import Inputs
from wan_demo.engine.latents import decode
from wan_demo.engine.pipelines import conditions
from wan_demo.engine.pipelines.calls import ADAPTERS, arguments
from wan_demo.engine.pipelines.load import Loaded, check, load
from wan_demo.engine.pipelines.prompts import embed
from wan_demo.engine.pipelines.provenance import environment
from wan_demo.engine.pipelines.remembered import Remembered
from wan_demo.engine.pipelines.schedulers import new_scheduler
from wan_demo.engine.stream import Closed, Emit, stream
from wan_demo.errors import DownloadStopped, GenerationFailed, WanDemoError

log = logging.getLogger(__name__)

DEVICE_LOST = 70
"""The exit status of a worker whose device failed."""

REMEMBERED_BYTES = 512 * 2**20
"""RAM for prompts (4 MB each of umT5-XXL in bf16) and pictures (24 MB at 720p and 81 frames)."""

Locate = Callable[[ModelSpec, Callable[[int, int], None], Callable[[], bool]], Checkpoint]
"""A model's files, fetched where need be.

It tells the bytes that are here and all bytes, and asks whether to stop. Raises
ModelUnavailable, and DownloadStopped when it was to stop.
"""


class PipelineEngine:
    """One model in memory at a time, reused by all; see ``wan_demo.engine.base.Engine``."""

    def __init__(self, find: Callable[[str], ModelSpec], locate: Locate, device: str) -> None:
        self._find = find
        self._locate = locate
        self._device = device
        self._loaded: Loaded | None = None
        self._remembered = Remembered(REMEMBERED_BYTES)
        _quiet()
        _repeatable()

    def generate(self, request: GenerationRequest, inputs: Inputs) -> Generator[Event, None, None]:
        return stream(lambda emit: self._generate(request, inputs, emit))

    def _generate(self, request: GenerationRequest, inputs: Inputs, emit: Emit) -> None:
        try:
            model = self._load(self._find(request.model), emit)
            latents = _denoise(model, request, inputs, self._remembered, emit)
            emit(Decoding())
            frames = decode(model.parts["vae"], latents)[0]
        except (WanDemoError, Closed):
            raise
        except torch.AcceleratorError as error:  # no later call on this device would work
            log.exception("the device failed: this worker ends, another one takes over")
            raise SystemExit(DEVICE_LOST) from error
        except Exception as error:
            log.exception("generation failed")
            raise GenerationFailed(
                "The pipeline stopped with an error; the server's log has it."
            ) from error
        finally:
            self._clean()
        emit(Finished(frames, self._provenance(model)))

    def _load(self, spec: ModelSpec, emit: Emit) -> Loaded:
        if self._loaded is not None and self._loaded.spec.id == spec.id:
            return self._loaded
        files = self._files(spec, emit)
        check(spec, files)  # while the model in memory is still there
        emit(Loading(spec.id))
        self._loaded = None
        gc.collect()
        self._loaded = load(spec, files, self._device)
        return self._loaded

    def _files(self, spec: ModelSpec, emit: Emit) -> Checkpoint:
        def on_bytes(done: int, total: int) -> None:
            emit(Downloading(done, total))

        try:
            return self._locate(spec, on_bytes, emit.is_closed)
        except DownloadStopped as stopped:
            raise Closed from stopped

    def _clean(self) -> None:
        """Leave nothing behind that a later run could see."""
        if self._loaded is not None:
            self._loaded.parts["vae"].clear_cache()

    def _provenance(self, model: Loaded) -> dict[str, str]:
        return {
            "model_revision": model.revision,
            "dtype": str(model.parts["transformer"].dtype).removeprefix("torch."),
            "memory": f"everything on {self._device}",
            "batch": "1",
            **environment(self._device),
        }


def _denoise(
    model: Loaded, request: GenerationRequest, inputs: Inputs, remembered: Remembered, emit: Emit
) -> torch.Tensor:
    """The clip's latents: (1, channels, frames, height, width), normalised."""
    spec, call = model.spec, model.spec.calls[request.task]
    said = embed(model, request, remembered)
    shift = spec.resolution(request.width, request.height).flow_shift
    scheduler = new_scheduler(spec.scheduler, shift, request.seed)
    pipe = ADAPTERS[call].build(spec, model.parts, scheduler)
    if inputs.image is not None:
        conditions.remember(pipe, model, request, inputs, remembered)
    starts_clean = call is Call.IMAGE and spec.first_frame_by_timestep
    clean = preview.CleanLatents(scheduler, given=int(starts_clean))
    total = request.effective_steps

    def on_step_end(_pipe: Any, index: int, _timestep: Any, state: dict[str, Any]) -> Any:
        if index == 0 or index + 1 == total:
            _refuse_nonsense(spec, state["latents"])
        picture = None
        if preview.is_due(index + 1, total) and clean.latest is not None:
            size, colors = (request.width, request.height), spec.architecture.latent_colors
            picture = preview.render(clean.latest, size, model.parts["vae"], colors)
        emit(Step(index + 1, total, picture))
        coming = said.at(min(index + 1, total - 1), total)
        return {**state, "prompt_embeds": coming.to(state["prompt_embeds"])}

    result = pipe(
        **arguments(request, inputs, spec),
        **said.arguments(),
        generator=torch.Generator("cpu").manual_seed(request.seed),
        output_type="latent",
        callback_on_step_end=on_step_end,
        callback_on_step_end_tensor_inputs=["latents", "prompt_embeds"],
    )
    return result.frames


def _refuse_nonsense(spec: ModelSpec, latents: torch.Tensor) -> None:
    """Weights that hold NaN make black clips, after an hour or so: said at the first step."""
    if not torch.isfinite(latents).all():
        raise GenerationFailed(f"{spec.title} made no picture but NaN: its weights are damaged.")


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
