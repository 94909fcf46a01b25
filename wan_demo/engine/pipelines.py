"""Wan models through diffusers: the only module that imports it. Load, configure, call."""

from __future__ import annotations

import gc
import hashlib
import logging
import platform
from collections.abc import Callable, Generator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers import WanImageToVideoPipeline, WanPipeline, WanVideoToVideoPipeline
from PIL import Image

from wan_demo.domain.events import Decoding, Event, Finished, Frames, Loading, Step
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest, Task
from wan_demo.engine import preview
from wan_demo.engine.base import Inputs
from wan_demo.engine.latents import decode
from wan_demo.engine.stream import Closed, Emit, stream
from wan_demo.errors import GenerationFailed, ModelUnavailable, WanDemoError

log = logging.getLogger(__name__)

DEVICE_LOST = 70
"""The exit status of a worker whose device failed."""

Locate = Callable[[ModelSpec], Path]
"""Where a model's diffusers folder is on this machine; raises ModelUnavailable."""

_PIPELINES: dict[Task, type[Any]] = {
    Task.TEXT_TO_VIDEO: WanPipeline,
    Task.IMAGE_TO_VIDEO: WanImageToVideoPipeline,
    Task.VIDEO_TO_VIDEO: WanVideoToVideoPipeline,
}

_SHARED = ("tokenizer", "text_encoder", "transformer", "vae")


@dataclass(frozen=True)
class _Loaded:
    """One model in memory: its parts, its scheduler's config, and which weights these are."""

    spec: ModelSpec
    parts: dict[str, Any]
    scheduler: Any
    revision: str


class PipelineEngine:
    """The cached pipeline singleton of a worker process: one model at a time, reused by all."""

    def __init__(self, find: Callable[[str], ModelSpec], locate: Locate, device: str) -> None:
        self._find = find
        self._locate = locate
        self._device = device
        self._loaded: _Loaded | None = None
        _quiet()
        _repeatable()

    def generate(self, request: GenerationRequest, inputs: Inputs) -> Generator[Event, None, None]:
        return stream(lambda emit: self._generate(request, inputs, emit))

    def _generate(self, request: GenerationRequest, inputs: Inputs, emit: Emit) -> None:
        try:
            model = self._load(self._find(request.model), emit)
            latents = self._denoise(model, request, inputs, emit)
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

    def _load(self, spec: ModelSpec, emit: Emit) -> _Loaded:
        if self._loaded is not None and self._loaded.spec.id == spec.id:
            return self._loaded
        emit(Loading(spec.id))
        self._loaded = None
        gc.collect()
        self._loaded = _load(spec, self._locate(spec), self._device)
        return self._loaded

    def _denoise(
        self, model: _Loaded, request: GenerationRequest, inputs: Inputs, emit: Emit
    ) -> torch.Tensor:
        """The clip's latents: (1, channels, frames, height, width), normalised."""
        pipe = _pipeline(model, request.task)
        starts_clean = request.task is Task.IMAGE_TO_VIDEO and model.spec.first_frame_by_timestep
        clean = preview.CleanLatents(pipe.scheduler, given=int(starts_clean))
        total = request.effective_steps

        def on_step_end(_pipe: Any, index: int, _timestep: Any, state: dict[str, Any]) -> Any:
            picture = None
            if preview.is_due(index + 1, total) and clean.latest is not None:
                picture = preview.render(model.parts["vae"], clean.latest)
            emit(Step(index + 1, total, picture))
            return state

        result = pipe(
            **_arguments(request, inputs, model.spec),
            generator=torch.Generator("cpu").manual_seed(request.seed),
            output_type="latent",
            callback_on_step_end=on_step_end,
        )
        return result.frames

    def _clean(self) -> None:
        """Leave nothing behind that a later run could see."""
        if self._loaded is not None:
            self._loaded.parts["vae"].clear_cache()

    def _provenance(self, model: _Loaded) -> dict[str, str]:
        return {
            "model_revision": model.revision,
            "device": self._device,
            "device_name": _device_name(self._device),
            "threads": str(torch.get_num_threads()),
            "dtype": str(model.parts["transformer"].dtype).removeprefix("torch."),
            "memory": f"everything on {self._device}",
            "batch": "1",
            **{name: version(name) for name in ("torch", "diffusers", "transformers", "av")},
        }


def usable(device: str) -> str:
    """``device`` where this torch can compute on it, else cpu: a GPU's driver is not enough."""
    ready = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if device in ready and not ready[device]():
        log.warning("torch %s can't use %s, so it is the CPU", torch.__version__, device)
        return "cpu"
    return device


def _load(spec: ModelSpec, folder: Path, device: str) -> _Loaded:
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    try:
        pipe = WanPipeline.from_pretrained(
            folder,
            dtype={"default": dtype, "vae": torch.float32},
            use_safetensors=True,
            local_files_only=True,
        )
        pipe.to(device)
    except torch.AcceleratorError:  # the device's end, not the weights'
        raise
    except (OSError, ValueError, KeyError, RuntimeError, AssertionError) as error:
        log.exception("cannot load %s", spec.id)
        raise ModelUnavailable(f"The weights of {spec.title} can't be loaded: {error}") from error
    pipe.set_progress_bar_config(disable=True)
    parts = {name: getattr(pipe, name) for name in _SHARED}
    return _Loaded(spec, parts, pipe.scheduler, _revision(folder))


def _pipeline(model: _Loaded, task: Task) -> Any:
    """A pipeline over the shared parts, with a scheduler of its own: schedulers hold state."""
    config = model.scheduler.config
    shift = "flow_shift" if "flow_shift" in config else "shift"
    scheduler = type(model.scheduler).from_config(config, **{shift: model.spec.flow_shift})
    options: dict[str, Any] = {}
    if task is Task.IMAGE_TO_VIDEO:
        options["expand_timesteps"] = model.spec.first_frame_by_timestep
    pipe = _PIPELINES[task](**model.parts, scheduler=scheduler, **options)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _arguments(request: GenerationRequest, inputs: Inputs, spec: ModelSpec) -> dict[str, Any]:
    """What the task's pipeline is called with, besides the seed."""
    arguments: dict[str, Any] = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "width": request.width,
        "height": request.height,
        "num_inference_steps": request.num_inference_steps,
        "guidance_scale": request.guidance_scale,
        "max_sequence_length": spec.max_sequence_length,
    }
    if request.task is Task.VIDEO_TO_VIDEO:
        return arguments | {"video": _images(inputs.video), "strength": request.strength}
    if request.task is Task.IMAGE_TO_VIDEO:
        arguments["image"] = _images(inputs.image)[0]
    return arguments | {"num_frames": request.num_frames}


def _images(frames: Frames | None) -> list[Image.Image]:
    if frames is None:
        raise GenerationFailed("The request's medium was not read.")
    return [Image.fromarray(frame) for frame in frames]


def _quiet() -> None:
    """Keep the libraries' progress bars and advice out of the log; errors still show."""
    for logging_of in (diffusers.utils.logging, transformers.utils.logging):
        logging_of.disable_progress_bar()
        logging_of.set_verbosity_error()


def _repeatable() -> None:
    """The same seed gives the same frames: cuDNN must not choose its kernels by a race."""
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


def _device_name(device: str) -> str:
    """What decides the kernels, and so the last bits: the GPU, or the CPU's instructions."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    if device == "mps":
        return "Apple GPU"
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def _revision(folder: Path) -> str:
    """Which weights these are: a hub snapshot's commit, or a digest of the weight files."""
    if folder.parent.name == "snapshots":
        return folder.name
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:16]}"
