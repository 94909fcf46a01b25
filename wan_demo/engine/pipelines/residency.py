"""Where a model's parts are, between their calls and during them: what a Rung says, done.

Parts that take turns come to the device when they are called, and whoever was there before leaves
first. Whatever way they come, they compute the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Protocol

import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from diffusers.hooks import apply_group_offloading

from wan_demo.engine.memory import GROUP_OFFLOAD, Home, Rung
from wan_demo.engine.pipelines.shortage import free_cache

CPU = torch.device("cpu")
_TAKES_TURNS = (Home.STAGE, Home.DISK)
_ON_DISK = (Home.DISK_BLOCKS, Home.DISK_LEAVES)
_NEEDS_STREAMS = ("use_stream", "low_cpu_mem_usage")


class Residency:
    """The places of one model's parts; ``folder`` is where weights are offloaded to."""

    def __init__(self, rung: Rung, folder: Path) -> None:
        self.device = torch.device(rung.device)
        self._rung = rung
        self._folder = folder
        self._offloaded: Path | None = None
        self._turns: dict[str, _Turn] = {}
        self._homes = {name: home_of(rung, name) for name in _PARTS}
        self._any_turns = any(home in _TAKES_TURNS for home in self._homes.values())

    def clear(self) -> None:
        """Rid the device of all that only comes for its turn: a job is over."""
        for turn in self._turns.values():
            turn.leave()
        free_cache()

    def place(self, name: str, part: torch.nn.Module, load_again: Callable[[], Any]) -> None:
        """Take a part that was just loaded into RAM to its home.

        ``load_again`` reads it from its files once more, for a part that stays on the disk.
        """
        home = self._homes[name]
        if home in GROUP_OFFLOAD:
            self._stream(name, part, home)
        elif home is Home.STAGE:
            self._turns[name] = _FromRam(part)
        elif home is Home.DISK:
            self._turns[name] = _FromDisk(part, load_again)
        else:
            part.to(self.device)
        if self._any_turns:
            self._announce(name, part, home)

    def is_at_hand(self, name: str) -> bool:
        """Whether a part can be called without sending another one away."""
        return self._homes[name] is Home.DEVICE

    @contextmanager
    def on_cpu(self, name: str, part: Any) -> Iterator[None]:
        """Let a part compute on the CPU meanwhile, for want of room on the device."""
        hook, turn = getattr(part, "_hf_hook", None), self._turns.get(name)
        self.clear()
        try:
            if hook is not None:
                hook.execution_device = CPU
            if turn is None:
                part.to(CPU)
            yield
        finally:
            if hook is not None:
                hook.execution_device = self.device
            if turn is None:
                part.to(self.device)
            else:
                turn.leave()

    def close(self) -> None:
        """Delete what was offloaded to the disk; the parts are of no use after that."""
        self.clear()
        if self._offloaded is not None:
            shutil.rmtree(self._offloaded, ignore_errors=True)

    def _enter(self, name: str, device: torch.device) -> None:
        """A part is about to be called on ``device``: the others leave, it comes."""
        for other, turn in self._turns.items():
            if other != name:
                turn.leave()
        if name in self._turns:
            self._turns[name].come(device)

    def _announce(self, name: str, part: torch.nn.Module, home: Home) -> None:
        """Be told before each call of a part. Streamed ones have hooks of their own on them."""
        if home in GROUP_OFFLOAD:
            part.register_forward_pre_hook(lambda *_: self._enter(name, self.device))
        else:
            add_hook_to_module(part, _Announcement(lambda to: self._enter(name, to), self.device))

    def _stream(self, name: str, part: torch.nn.Module, home: Home) -> None:
        arguments: dict[str, Any] = dict(GROUP_OFFLOAD[home])
        if self.device.type == "cpu":  # where there is nothing to overlap
            arguments = {key: one for key, one in arguments.items() if key not in _NEEDS_STREAMS}
        if home in _ON_DISK:
            _join_tied(part)
            arguments["offload_to_disk_path"] = str(self._disk_folder() / name)
        apply_group_offloading(
            part, onload_device=self.device, offload_device=CPU, non_blocking=False, **arguments
        )

    def _disk_folder(self) -> Path:
        """A new one each time: diffusers takes a file that is there for the part's own."""
        if self._offloaded is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._offloaded = Path(mkdtemp(prefix="weights-", dir=self._folder))
        return self._offloaded


_PARTS = ("text_encoder", "image_encoder", "transformer", "transformer_2", "vae")


def _join_tied(part: torch.nn.Module) -> None:
    """Make embeddings that share a weight one module (UMT5's ``shared`` and ``embed_tokens``).

    diffusers writes each module's weights to a file of its own and then leaves the tensor empty:
    of a weight in two modules the second file, the one that is read, would hold nothing.
    """
    first: dict[int, torch.nn.Module] = {}
    for name, module in list(part.named_modules()):
        if isinstance(module, torch.nn.Embedding):
            owner = first.setdefault(id(module.weight), module)
            if owner is not module:
                part.set_submodule(name, owner)


def must_dress_first(rung: Rung) -> bool:
    """Whether LoRAs go on before a transformer is placed: weights on the disk are written once."""
    return rung.transformer in (Home.DISK, *_ON_DISK)


def home_of(rung: Rung, name: str) -> Home:
    """Where a rung keeps a part, by its folder's name."""
    return rung.transformer if name.startswith("transformer") else getattr(rung, name)


class _Announcement(ModelHook):
    """Accelerate's kind of hook, which diffusers also calls before a VAE's encode and decode, and
    asks where inputs belong (``execution_device``)."""

    def __init__(self, tell: Callable[[torch.device], None], device: torch.device) -> None:
        self._tell = tell
        self.execution_device = device

    def pre_forward(self, module: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        self._tell(self.execution_device)
        return args, kwargs


class _Turn(Protocol):
    def come(self, device: torch.device) -> None:
        """Be on the device, if it is not there yet."""
        ...

    def leave(self) -> None:
        """Be gone from it."""
        ...


class _FromRam:
    """A part that waits in RAM. Its weights there stay, so that leaving copies nothing."""

    def __init__(self, part: torch.nn.Module) -> None:
        self._part = part
        self._waiting: list[tuple[dict[str, Any], str, torch.Tensor]] = []

    def come(self, device: torch.device) -> None:
        if self._waiting:
            return
        try:
            self._copy(device)
        except BaseException:
            self.leave()
            raise

    def _copy(self, device: torch.device) -> None:
        copies: dict[int, torch.Tensor] = {}  # of a tensor that two modules share there is one
        for held, key, tensor in _tensors(self._part):
            self._waiting.append((held, key, tensor))
            if id(tensor) not in copies:
                copies[id(tensor)] = _like(tensor, tensor.to(device, copy=True))
            held[key] = copies[id(tensor)]

    def leave(self) -> None:
        for held, key, tensor in self._waiting:
            held[key] = tensor
        self._waiting.clear()


class _FromDisk:
    """A part of which only the modules stay: its weights are read anew for each turn."""

    def __init__(self, part: torch.nn.Module, load_again: Callable[[], Any]) -> None:
        self._part = part
        self._load_again = load_again
        self._is_here = True
        self.leave()

    def come(self, device: torch.device) -> None:
        if self._is_here:
            return
        fresh = self._load_again().to(device)
        self._is_here = True
        for mine, new in zip(self._part.modules(), fresh.modules(), strict=True):
            mine._parameters.update(new._parameters)
            mine._buffers.update(new._buffers)

    def leave(self) -> None:
        if not self._is_here:
            return
        for held, key, tensor in _tensors(self._part):
            empty = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
            held[key] = _like(tensor, empty)
        self._is_here = False


def _tensors(part: torch.nn.Module) -> Iterator[tuple[dict[str, Any], str, torch.Tensor]]:
    """Every parameter and buffer with the dictionary that holds it, which may be written to."""
    for module in part.modules():
        for held in (module._parameters, module._buffers):
            for key, tensor in list(held.items()):
                if tensor is not None:
                    yield held, key, tensor


def _like(tensor: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """``other`` as a parameter where ``tensor`` is one; GGUF's keep their own class."""
    is_parameter = isinstance(tensor, torch.nn.Parameter)
    if is_parameter and not isinstance(other, torch.nn.Parameter):
        return torch.nn.Parameter(other, requires_grad=False)
    return other
