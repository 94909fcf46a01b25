"""Trains the small autoencoder: single frames first, then clips."""

# diffusers annotates loosely and exports lazily.
# pyright: reportPrivateImportUsage=false, reportCallIssue=false

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import (
    WanAttentionBlock,
    WanCausalConv3d,
    WanResample,
    WanResidualBlock,
)
from torch import Tensor, nn

from training import fast_vae
from training.common import (
    Clock,
    Curve,
    Ema,
    fan_in_normal,
    load_checkpoint,
    one_cycle,
    save_checkpoint,
    set_rate,
)
from training.pictures import Batch, Painter, contact_sheet, drawn_aside

log = logging.getLogger(__name__)

CONFIG: dict[str, Any] = {
    "base_dim": 12,
    "decoder_base_dim": 16,
    "z_dim": 16,
    "dim_mult": [1, 2, 4, 4],
    "num_res_blocks": 1,
    "attn_scales": [],
    "temperal_downsample": [False, True, True],
}


@dataclass(frozen=True)
class Plan:
    """How the autoencoder is trained; `minutes` of training time on whatever machine it is."""

    minutes: float = 48
    image_share: float = 0.4
    rate: float = 5e-4
    noise: float = 0.03
    shape_weight: float = 4.0
    edge_weight: float = 0.5
    motion_weight: float = 0.0
    images: tuple[tuple[int, int, int, int], ...] = (
        (12, 1, 64, 64),
        (6, 1, 96, 96),
        (8, 1, 64, 96),
    )
    clips: tuple[tuple[int, int, int, int], ...] = (
        (2, 17, 64, 64),
        (1, 17, 96, 96),
        (3, 9, 64, 64),
        (1, 33, 64, 64),
        (8, 1, 64, 96),
        (2, 1, 128, 128),
    )
    decoder_only: bool = False
    factor: int = 1
    """So many times the clips of each batch, for a GPU."""
    workers: int = 0
    """Processes that draw, beside the one that trains."""
    seed: int = 0


def polish(minutes: float, factor: int = 1, workers: int = 0, motion_weight: float = 0.0) -> Plan:
    """The last stage: the decoder alone, on latents somewhat rough, as the transformer's are.

    Clips of the default size, and large single frames for the sake of a person's own pictures.
    `motion_weight` counts the steps between frames too: those from one latent frame to the next are
    larger than the others (`LOG.md`).
    """
    return Plan(
        minutes=minutes,
        image_share=0.0,
        rate=3e-4,
        noise=0.06,
        motion_weight=motion_weight,
        clips=((1, 17, 96, 96), (1, 17, 96, 96), (2, 17, 64, 64), (3, 1, 128, 128)),
        decoder_only=True,
        factor=factor,
        workers=workers,
        seed=1,
    )


def new_vae() -> AutoencoderKLWan:
    """An untrained autoencoder whose signal survives its RMS norms (see `_init_conv`)."""
    vae = AutoencoderKLWan(**CONFIG)
    for module in vae.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            _init_conv(module)
    for module in vae.modules():
        _quiet_branch(module)
    return vae


def _init_conv(conv: nn.Conv2d | nn.Conv3d) -> None:
    """Fan-in variance one on the last temporal tap, zeros before it and in the bias."""
    nn.init.zeros_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    last = conv.weight.data[:, :, -1] if conv.weight.dim() == 5 else conv.weight.data
    fan_in_normal(last, last[0].numel())


def _quiet_branch(module: nn.Module) -> None:
    if isinstance(module, WanResidualBlock):
        module.conv2.weight.data *= 0.3
    elif isinstance(module, WanAttentionBlock):
        module.proj.weight.data *= 0.3
    elif isinstance(module, WanResample) and hasattr(module, "time_conv"):
        _copy_frames(module.time_conv)


def _copy_frames(conv: WanCausalConv3d) -> None:
    """Starts a temporal resampler as "take the newest frame" or "repeat the frame"."""
    conv.weight.data.zero_()
    out, width = conv.weight.shape[:2]
    for part in range(out // width):
        conv.weight.data[part * width : (part + 1) * width, :, -1, 0, 0] = torch.eye(width)


def vae_loss(vae: AutoencoderKLWan, batch: Batch, plan: Plan) -> tuple[Tensor, Tensor]:
    """Training loss and the plain L1 of a batch."""
    device = batch.frames.device.type
    with torch.autocast(device, dtype=torch.bfloat16):
        with torch.set_grad_enabled(torch.is_grad_enabled() and not plan.decoder_only):
            mean = fast_vae.encode(vae, batch.frames)
        sample = mean + plan.noise * torch.randn_like(mean)
        output = fast_vae.decode(vae, sample)
    mean, output = mean.float(), output.float()
    weight = 1 + plan.shape_weight * batch.near
    error = ((output - batch.frames).abs() * weight).mean() / weight.mean()
    edges = sum(_edge_error(output, batch.frames, weight, dim) for dim in (-1, -2))
    loss = error + plan.edge_weight * edges + 1e-4 * mean.square().mean()
    if output.shape[2] > 1:
        loss = loss + plan.motion_weight * _edge_error(output, batch.frames, weight, 2)
    return loss, (output - batch.frames).abs().mean()


def _edge_error(output: Tensor, target: Tensor, weight: Tensor, dim: int) -> Tensor:
    size = output.shape[dim] - 1
    difference = (output - target).diff(dim=dim).abs() * weight.narrow(dim, 0, size)
    return difference.mean() / weight.mean()


class VaeTrainer:
    """One resumable run; `run()` trains to the end of the plan and saves the averaged weights."""

    def __init__(self, run_dir: Path, plan: Plan, device: torch.device, name: str = "vae") -> None:
        self.plan, self.device, self.name, self.run_dir = plan, device, name, run_dir
        run_dir.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(plan.seed)
        self.vae = new_vae()
        self.vae.to(device=device)
        self.params = list(self.vae.parameters())
        self.optimizer = torch.optim.Adam(self.params, lr=plan.rate, betas=(0.9, 0.99))
        self.clock, self.step = Clock(plan.minutes * 60), 0
        self.curve = Curve(run_dir / f"{name}.csv")
        self.resume()

    @property
    def checkpoint(self) -> Path:
        """Where the state is kept."""
        return self.run_dir / f"{self.name}.pt"

    def start_from(self, state: dict[str, Tensor]) -> None:
        """Takes the weights of another run, unless this one has steps of its own already."""
        if not self.step:
            self.vae.load_state_dict(state)
            self.ema = Ema(self.vae, 0.999)

    def resume(self) -> None:
        """Continues from the checkpoint, if there is one."""
        self.ema = Ema(self.vae, 0.999)
        state = load_checkpoint(self.checkpoint, self.device)
        if state is None:
            return
        self.vae.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.state, self.step, self.clock.spent = state["ema"], state["step"], state["spent"]

    def save(self) -> None:
        """Writes the checkpoint and a sheet of reconstructions."""
        save_checkpoint(
            self.checkpoint,
            {
                "model": self.vae.state_dict(),
                "ema": self.ema.state,
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "spent": self.clock.spent,
            },
        )

    def averaged(self) -> AutoencoderKLWan:
        """A copy of the autoencoder with the averaged weights."""
        vae = AutoencoderKLWan(**CONFIG)
        vae.to(device=self.device)
        self.ema.copy_to(vae)
        return vae.eval()

    def run(self, on_save: Callable[[], None] | None = None) -> None:
        """Trains until the budget is spent."""
        painter = Painter(self.plan.seed + self.step, self.device)
        batches, saved = self._batches(painter), self.clock.spent
        self.clock.start()
        while (progress := self.clock.tick()) < 1:
            loss, l1 = self._step(next(batches), progress)
            if self.step % 50 == 0:
                self._report(float(loss), float(l1))
            if self.clock.spent - saved > 150:
                saved = self.clock.spent
                self._checkpoint_with_sheet(painter)
                if on_save:
                    on_save()
        self._checkpoint_with_sheet(painter)

    def _batches(self, painter: Painter) -> Iterator[Batch]:
        """Batches for as long as they are asked for; a plan with workers has one phase only."""
        plan, rng = self.plan, Random(self.step)
        if plan.workers:
            sizes = [(count * plan.factor, *size) for count, *size in plan.clips]
            yield from drawn_aside(sizes, plan.seed + self.step, plan.workers, self.device)
        while True:
            is_early = self.clock.progress < plan.image_share
            yield painter.batch(*rng.choice(plan.images if is_early else plan.clips))

    def _step(self, batch: Batch, progress: float) -> tuple[Tensor, Tensor]:
        set_rate(self.optimizer, one_cycle(progress, self.plan.rate))
        loss, l1 = vae_loss(self.vae, batch, self.plan)
        loss.backward()
        nn.utils.clip_grad_norm_(self.params, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.ema.update(self.vae, self.step)
        return loss.detach(), l1.detach()

    def _report(self, loss: float, l1: float) -> None:
        row = {"step": self.step, "seconds": round(self.clock.spent), "loss": loss, "l1": l1}
        self.curve.add(row)
        log.info("%s step %d, %.0f s: loss %.4f, L1 %.4f", self.name, *row.values())

    def _checkpoint_with_sheet(self, painter: Painter) -> None:
        self.save()
        vae = self.averaged()
        with torch.no_grad():
            images, clip = painter.batch(8, 1, 96, 96).frames, painter.batch(2, 17, 96, 96).frames
            rows = [images[:, :, 0], fast_vae.decode(vae, fast_vae.encode(vae, images))[:, :, 0]]
            again = fast_vae.decode(vae, fast_vae.encode(vae, clip))
        for pair in zip(clip, again, strict=True):
            rows += [frames[:, ::2][:, :8].transpose(0, 1) for frames in pair]
        contact_sheet(rows, self.run_dir / f"{self.name}.png")
