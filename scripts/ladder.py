"""The memory ladder on a real GPU: ``python -m scripts.ladder [--model ID] [--profiles ...]``.

Writes the model's folder with random weights in its full size, makes a clip in each way to keep
it, and prints what was reckoned for the device beside what torch gave out and what it reserved for
that, and the time of a step. Clips of one precision must have the same frames, whatever the way:
their hashes are printed. Needs CUDA, the disk and the RAM for the model.
"""

# diffusers exports lazily.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKLWan
from transformers import UMT5Config, UMT5EncoderModel

from tests.replicas import new_tokenizer
from wan_demo import catalog
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.events import Decoding, Finished, Step
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import GenerationRequest
from wan_demo.domain.rules import complete
from wan_demo.engine.base import Inputs
from wan_demo.engine.memory import GIB, Needs, Precision, Profile, decide_for
from wan_demo.engine.memory.needs import CONTEXT
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.engine.pipelines.measure import measure
from wan_demo.errors import WanDemoError


@dataclass(frozen=True)
class Made:
    """What one clip took: bytes given out and reserved in its stages, seconds, its frames' hash."""

    denoise: tuple[int, int]
    decode: tuple[int, int]
    step_seconds: float
    seconds: float
    frames: str


def main() -> None:
    """Print a row for each way."""
    options = _options()
    logging.basicConfig(level=logging.WARNING)
    spec = catalog.find(options.model)
    print(f"{spec.title} on {torch.cuda.get_device_name()}, torch {torch.__version__}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        began = time.monotonic()
        files = Checkpoint(write(spec, Path(place) / "model"), {}, {})
        print(f"random weights written in {time.monotonic() - began:.0f} s", flush=True)
        for profile, precision in product(options.profiles, options.precisions):
            given = {"profile": profile, "precision": precision, "num_frames": options.frames}
            _row(spec, files, given | {"num_inference_steps": options.steps}, Path(place))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The memory ladder on a real GPU.")
    parser.add_argument("--model", default="wan2.1-t2v-1.3b")
    parser.add_argument("--frames", type=int, default=81)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--profiles", nargs="+", type=Profile, default=list(Profile))
    parser.add_argument("--precisions", nargs="+", type=Precision, default=[Precision.BF16])
    return parser.parse_args()


def _row(spec: ModelSpec, files: Checkpoint, given: dict[str, Any], folder: Path) -> None:
    task = spec.tasks[0]
    request = complete({"task": task, "prompt": "a fox in the snow", "seed": 1, **given}, spec)
    machine = partial(measure, "cuda", folder)
    decision = decide_for(request, spec, machine())
    name = f"{decision.rung.name:<44}"
    engine = PipelineEngine(lambda _: spec, lambda *_: files, "cuda", machine, folder)
    try:
        made = _make(engine, request)
    except WanDemoError as error:
        print(f"{name} {error}", flush=True)
        return
    print(f"{name} {_compared(decision.needs, made)}", flush=True)


def _compared(reckoned: Needs, made: Made) -> str:
    pairs = ((reckoned.denoise, made.denoise), (reckoned.decode, made.decode))
    stages = [" ".join(f"{n / GIB:6.2f}" for n in (a - CONTEXT, *taken)) for a, taken in pairs]
    return (
        f"denoise {stages[0]}  decode {stages[1]} GB "
        f"(reckoned, given out, reserved)  "
        f"step {made.step_seconds:6.2f} s  all {made.seconds:5.0f} s  {made.frames}"
    )


def _make(engine: PipelineEngine, request: GenerationRequest) -> Made:
    """One clip; what the encoders took before the first step is not counted."""
    torch.cuda.empty_cache()
    began, steps, denoise = time.monotonic(), [], (0, 0)
    for event in engine.generate(request, Inputs()):
        if isinstance(event, Step):
            steps.append(time.monotonic())
            if event.index == 1:
                _forget()
        elif isinstance(event, Decoding):
            denoise = _peaks()
            _forget()
        elif isinstance(event, Finished):
            digest = sha256(event.frames.tobytes()).hexdigest()
            each = (steps[-1] - steps[0]) / max(1, len(steps) - 1)
            return Made(denoise, _peaks(), each, time.monotonic() - began, digest[:12])
    raise RuntimeError("no clip was made")


def _peaks() -> tuple[int, int]:
    return torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()


def _forget() -> None:
    """Let go of what was only kept for later, so that a stage shows its own need."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


def write(spec: ModelSpec, folder: Path) -> Path:
    """A folder as the hub serves it, in the model's full size; weights are small and random."""
    torch.manual_seed(0)
    architecture = spec.architecture
    tokenizer = new_tokenizer()
    tokenizer.save_pretrained(folder / "tokenizer")
    transformer = getattr(diffusers, architecture.transformer_class)
    text = UMT5Config(**dict(architecture.text_encoder))
    builders: dict[str, Any] = {
        "text_encoder": lambda: UMT5EncoderModel(text),
        "transformer": lambda: transformer(**dict(architecture.transformer)),
        "transformer_2": lambda: transformer(**dict(architecture.transformer)),
        "vae": lambda: AutoencoderKLWan(**_lists(architecture.vae)),
    }
    for name in architecture.parts:
        dtype = torch.float32 if name == "vae" else torch.bfloat16
        _save(builders[name], dtype, folder / name)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "WanPipeline"}))
    return folder


def _save(build: Any, dtype: torch.dtype, folder: Path) -> None:
    default = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device("cuda"):
            part = build()
    finally:
        torch.set_default_dtype(default)
    with torch.no_grad():
        for parameter in part.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.02)
    part.save_pretrained(folder)
    del part
    torch.cuda.empty_cache()


def _lists(config: Any) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in config.items()}


if __name__ == "__main__":
    main()
