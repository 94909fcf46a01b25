"""From a diffusers folder to parts in memory, by the classes of the catalogue and no others.

The folder's ``model_index.json`` is not consulted: which classes are built is the spec's say, so
that a folder cannot name code of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKLWan
from safetensors import SafetensorError
from transformers import AutoTokenizer, CLIPImageProcessor, CLIPVisionModel, UMT5EncoderModel

from wan_demo.domain.architecture import Config
from wan_demo.domain.checkpoint import Checkpoint
from wan_demo.domain.model import ModelSpec
from wan_demo.engine.memory import Rung
from wan_demo.engine.panic import is_panic
from wan_demo.engine.pipelines import lora
from wan_demo.engine.pipelines.broken import BrokenFile, plain, refuse
from wan_demo.engine.pipelines.config import check_config, check_picture_sizes
from wan_demo.engine.pipelines.folder import check_folder, read_json
from wan_demo.engine.pipelines.head import BASE, head_of, join_head, without_head
from wan_demo.engine.pipelines.precision import narrow
from wan_demo.engine.pipelines.provenance import revision
from wan_demo.engine.pipelines.residency import Residency
from wan_demo.engine.pipelines.shortage import is_shortage
from wan_demo.engine.pipelines.single_file import check_file, single_file
from wan_demo.errors import ModelUnavailable

log = logging.getLogger(__name__)

FAULTS = (
    *(OSError, ValueError, LookupError, TypeError, RuntimeError, AssertionError, ImportError),
    *(AttributeError, ArithmeticError, SafetensorError),
)
"""What diffusers and transformers raise for files that are not what they should be."""

NONE: lora.Chosen = {}

NUMBERS_LOOKED_AT = 2**16
"""Of each tensor, when looking for NaN: all of the small ones, a spread of the large ones.

A training run that blew up leaves NaN everywhere. All of a 14B model's numbers would cost a pass
over 28 GB, and a single bad one shows in the first step's latents anyway.
"""


@dataclass(frozen=True)
class Loaded:
    """One model in memory: its parts by their folders' names, which weights these are, and where
    they are kept."""

    spec: ModelSpec
    parts: dict[str, Any]
    revision: str
    rung: Rung
    residency: Residency


def load(
    spec: ModelSpec, files: Checkpoint, rung: Rung, folder: Path, worn: lora.Chosen = NONE
) -> Loaded:
    """Read the parts of ``spec`` from its files, one by one, and keep them as ``rung`` says.

    ``folder`` is where weights are offloaded to that stay on the disk; ``worn`` are LoRAs to put
    on before that (``residency.must_dress_first``). Raises ModelUnavailable; what says that memory
    ran out (``shortage.is_shortage``) comes as it is.
    """
    residency, parts = Residency(rung, folder), {}
    try:
        with _told(spec):
            _check_base(spec, files)
            for name in _names(spec):
                read = partial(_ready, spec, name, files, rung, worn.get(name, {}))
                parts[name] = read()
                if isinstance(parts[name], torch.nn.Module):
                    residency.place(name, parts[name], read)
    except BaseException:
        residency.close()
        raise
    return Loaded(spec, parts, revision(files), rung, residency)


def read_vae(model: Loaded, files: Checkpoint, rung: Rung) -> Loaded:
    """The model with its VAE read anew in the precision of ``rung``; raises as ``load`` does.

    A clip that needs the room has it in bf16: for that, 28 GB of the rest need not be read again.
    """
    with _told(model.spec):
        read = partial(_ready, model.spec, "vae", files, rung, {})
        model.parts["vae"] = read()
        model.residency.place("vae", model.parts["vae"], read)
    return replace(model, rung=rung)


@contextmanager
def _told(spec: ModelSpec) -> Iterator[None]:
    """What the libraries raise for broken files, as a sentence."""
    try:
        yield
    except BaseException as error:
        is_said = isinstance(error, (ModelUnavailable, torch.AcceleratorError))
        is_of_files = isinstance(error, FAULTS) or is_panic(error)
        if is_said or is_shortage(error) or not is_of_files:
            raise
        log.exception("cannot load %s", spec.id)
        raise refuse(f"The weights of {spec.title}", error) from error


def _ready(
    spec: ModelSpec, name: str, files: Checkpoint, rung: Rung, worn: Mapping[Path, float]
) -> Any:
    """A part as it computes, in RAM: with its adapters, in the rung's precision."""
    part = _part(spec, name, files, rung)
    if name in files.loras:
        lora.attach(part, files.loras[name], lora.BUILT_IN)
    lora.dress(part, worn)
    if isinstance(part, torch.nn.Module):
        part.eval().requires_grad_(False)
    if name.startswith("transformer"):
        narrow(part, rung)
    return part


def check(spec: ModelSpec, files: Checkpoint) -> None:
    """Look at all files without reading weights, before another model is given up for them.

    Raises ModelUnavailable with the first thing that is wrong.
    """
    try:
        _check_base(spec, files)
    except (BrokenFile, OSError) as error:
        raise refuse(f"The weights of {spec.title}", error) from error
    for path in (*files.replaced.values(), *files.loras.values(), *files.heads.values()):
        check_file(path)


def _check_base(spec: ModelSpec, files: Checkpoint) -> None:
    """The base's folder, which holds the other parts and all configs."""
    parts = spec.architecture.parts
    kept = [name for name in parts if name not in files.replaced]
    check_folder(files.folder, kept, [name for name in _names(spec) if name not in kept])
    for name in parts:
        builder, config = _builder(spec, name), _config(spec, name)
        if name in files.heads:
            builder, config = BASE, without_head(config)
        check_config(files.folder / name, builder, config)
    if spec.architecture.image_encoder is not None:
        side = spec.architecture.image_encoder["image_size"]
        check_picture_sizes(files.folder / "image_processor", side)


def _names(spec: ModelSpec) -> tuple[str, ...]:
    image = ("image_processor",) if spec.architecture.image_encoder else ()
    return ("tokenizer", *image, *spec.architecture.parts)


def _part(spec: ModelSpec, name: str, files: Checkpoint, rung: Rung) -> Any:
    folder = files.folder
    if name in files.replaced:
        part = single_file(spec, name, files, getattr(torch, rung.dtype))
        _check_numbers(name, part)
        return part
    if name == "tokenizer":
        return _tokenizer(folder)
    if name == "image_processor":
        return CLIPImageProcessor.from_pretrained(folder / name, local_files_only=True)
    builder = _builder(spec, name)
    part, told = builder.from_pretrained(
        folder,
        subfolder=name,
        dtype=_dtype(name, rung),
        use_safetensors=True,
        local_files_only=True,
        ignore_mismatched_sizes=True,  # and told of, where the libraries' own errors are riddles
        output_loading_info=True,
        **(head_of(_config(spec, name)) if name in files.heads else {}),
    )
    if name in files.heads:
        join_head(part, files.heads[name], told)
    _check_told(name, told, is_exact=builder.__module__.startswith("diffusers"))
    _check_numbers(name, part)
    return part


def _tokenizer(folder: Path) -> Any:
    """One whose tokens the text encoder has an embedding for: a GPU is lost by any other."""
    tokenizer = AutoTokenizer.from_pretrained(
        folder / "tokenizer", local_files_only=True, trust_remote_code=False
    )
    largest = max(tokenizer.get_vocab().values(), default=0)
    known = read_json(folder / "text_encoder" / "config.json").get("vocab_size", 0)
    if not tokenizer.is_fast or largest >= known:
        raise BrokenFile("tokenizer/ is not the text encoder's own")
    return tokenizer


def _builder(spec: ModelSpec, name: str) -> type[Any]:
    """The class of a part."""
    if name == "text_encoder":
        return UMT5EncoderModel
    if name == "image_encoder":
        return CLIPVisionModel
    if name == "vae":
        return AutoencoderKLWan
    return getattr(diffusers, spec.architecture.transformer_class)


def _config(spec: ModelSpec, name: str) -> Config:
    """What the spec says of a part; both experts are alike."""
    known = getattr(spec.architecture, "transformer" if name.startswith("transformer") else name)
    assert known is not None  # of an image encoder only where there is one
    return known


def _dtype(name: str, rung: Rung) -> torch.dtype:
    """What a part computes in: the image encoder always in fp32, as Wan's own code has it."""
    if name == "image_encoder":
        return torch.float32
    return getattr(torch, rung.vae_dtype if name == "vae" else rung.dtype)


def _check_told(name: str, told: Mapping[str, Any], is_exact: bool) -> None:
    """Weights that are missing or of another shape would be left at random numbers.

    ``is_exact``: surplus ones are of a larger model then, whose remaining layers would make noise;
    transformers' encoders are taken out of models that have more.
    """
    surplus = told["unexpected_keys"] if is_exact else ()
    for keys, fault in (
        (told["missing_keys"], "lacks weights"),
        (told["mismatched_keys"], "has weights of another shape"),
        (surplus, "has weights that the model has no place for"),
    ):
        named = [key if isinstance(key, str) else key[0] for key in keys]  # or with its shapes
        if named:
            raise BrokenFile(f"{name}/ {fault}, {plain(min(named))} among them")


def _check_numbers(name: str, part: torch.nn.Module) -> None:
    for key, tensor in part.state_dict().items():
        if not tensor.is_floating_point():  # quantized
            continue
        flat = tensor.detach().reshape(-1)
        few = flat[:: max(1, flat.numel() // NUMBERS_LOOKED_AT)]
        if not torch.isfinite(few).all():
            raise BrokenFile(f"{name}/ holds NaN or infinity in {plain(key)}")
