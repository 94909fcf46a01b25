"""Trains the text encoder and the transformer together, by flow matching on latents.

A sample is `x_t = (1 - t) x_0 + t noise` and the target `noise - x_0`, as diffusers'
flow-matching schedulers expect. In a part of the steps the first latent frame stays clean at
timestep 0 (image-to-video the Wan2.2-TI2V way), with one timestep per token. Late in a run some
steps see a noised clip with the caption of the same clip in another color and are to lead there
(video-to-video).
"""

# diffusers annotates loosely and exports lazily.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from diffusers import WanTransformer3DModel
from torch import Tensor, nn
from torch.optim import Optimizer
from transformers import PreTrainedTokenizerFast, UMT5EncoderModel

from training import reading
from training.captions import random_caption
from training.common import (
    Clock,
    Curve,
    Ema,
    load_checkpoint,
    save_checkpoint,
    set_rate,
    trapezoid,
)
from training.folder import new_text_encoder, new_transformer
from training.latents import Bucket, Latents

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """How the transformer is trained; `minutes` of training time on whatever machine it is."""

    minutes: float = 66
    rate: float = 6e-4
    matrix_rate: float = 1.5e-3
    tokens: int = 2800
    small_share: float = 0.3
    mix: tuple[float, float] = (0.25, 0.55)
    image_share: float = 0.4
    pairs_from: float = 0.85
    pairs_share: float = 0.5
    shape_weight: float = 2.0
    decay: float = 0.996
    compile: bool = False
    seed: int = 0


SMALL = ((9, 64, 64), (17, 64, 64), (17, 64, 64))
MAIN = (17, 96, 96)


class Joint(nn.Module):
    """Text encoder and transformer as one module, so that one optimizer and average hold both."""

    def __init__(self, text_encoder: UMT5EncoderModel, transformer: WanTransformer3DModel) -> None:
        super().__init__()
        self.text_encoder, self.transformer = text_encoder, transformer


def flow_loss(joint: Joint, batch: Batch, rng: Random, plan: Plan) -> Tensor:
    """Weighted error of the predicted velocity, over the frames that are noised."""
    latents, device = batch.latents, batch.latents.device
    t = noise_levels(len(latents), device)
    noise = torch.randn_like(latents)
    clean_first = rng.random() < plan.image_share
    level = t.view(-1, 1, 1, 1, 1).expand(-1, 1, *latents.shape[2:]).clone()
    if clean_first:
        level[:, :, 0] = 0
    noisy = (1 - level) * latents + level * noise
    steps = level[:, 0, :, ::2, ::2].flatten(1) if clean_first else t
    output = joint.transformer(noisy, steps * 1000, batch.text, return_dict=False)[0]
    error = (output - (noise - latents)).square().mean(1, keepdim=True)
    weight = (1 + plan.shape_weight * batch.near) * (level > 0)
    return (error * weight).sum() / weight.sum()


def recolor_loss(joint: Joint, batch: Batch, before: Tensor, plan: Plan) -> Tensor:
    """Weighted error of the velocity from noised `before` (B, z, t, h, w) to the batch's latents.

    `x_t` comes from the clip in its old color, at the noise that video-to-video starts from. The
    velocity that ends at the new one is `(x_t - x_0) / t`. Without such steps a shape of the
    opposite color stays as it is or fades on the way (`LOG.md`).
    """
    wanted = batch.latents
    t = 0.4 + 0.5 * torch.rand(len(wanted), device=wanted.device)
    level = t.view(-1, 1, 1, 1, 1)
    noisy = (1 - level) * before + level * torch.randn_like(before)
    output = joint.transformer(noisy, t * 1000, batch.text, return_dict=False)[0]
    error = (output - (noisy - wanted) / level).square().mean(1, keepdim=True)
    weight = 1 + plan.shape_weight * batch.near
    return (error * weight).sum() / weight.sum()


def noise_levels(count: int, device: torch.device) -> Tensor:
    """Levels t (count,) in (0, 1): four fifths logit-normal, leaning to noise, one fifth uniform.

    What a text decides (where to, which shape) is decided at high noise; at half noise the input
    still shows it, and the text teaches nothing.
    """
    normal = torch.sigmoid(torch.randn(count, device=device) * 1.2 + 0.8)
    uniform = torch.rand(count, device=device)
    return torch.where(torch.rand(count, device=device) < 0.8, normal, uniform)


@dataclass(frozen=True)
class Batch:
    """Normalised `latents` (B, z, t, h, w), `near` (B, 1, t, h, w), `text` (B, 64, d)."""

    latents: Tensor
    near: Tensor
    text: Tensor


def new_optimizers(joint: Joint, plan: Plan) -> tuple[Optimizer, Optimizer]:
    """Muon for the matrices of the transformer's blocks, AdamW for everything else.

    Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) with the step size of Liu et al.
    2025 ("Muon is scalable for LLM training", section 2.2), which makes its rates comparable to
    Adam's. Here it came to the same loss in about half the steps (`LOG.md`).
    """
    blocks = list(joint.transformer.blocks.parameters())
    matrices = [p for p in blocks if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in joint.parameters() if id(p) not in chosen]
    return (
        torch.optim.Muon(
            matrices, lr=plan.matrix_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(others, lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.01),
    )


class TransformerTrainer:
    """One resumable run over precomputed latents."""

    def __init__(
        self,
        run_dir: Path,
        plan: Plan,
        device: torch.device,
        tokenizer: PreTrainedTokenizerFast,
        latents: Latents,
    ) -> None:
        self.run_dir, self.plan, self.device = run_dir, plan, device
        self.tokenizer, self.latents = tokenizer, latents
        torch.manual_seed(plan.seed)
        self.joint = Joint(new_text_encoder(len(tokenizer)), new_transformer()).to(device)
        if plan.compile:
            self.joint.transformer.compile_repeated_blocks(dynamic=True)
        self.params = list(self.joint.parameters())
        self.optimizers = new_optimizers(self.joint, plan)
        self.clock, self.step = Clock(plan.minutes * 60), 0
        self.curve = Curve(run_dir / "transformer.csv")
        self.ema = Ema(self.joint, plan.decay)
        self.resume()

    @property
    def checkpoint(self) -> Path:
        """Where the state is kept."""
        return self.run_dir / "transformer.pt"

    def start_from(self, joint: Joint) -> None:
        """Takes trained weights, unless this run has steps of its own already."""
        if not self.step:
            self.joint.load_state_dict(joint.state_dict())

    def teach_captions(self) -> None:
        """Lets the text encoder learn the captions' words first, at the start of a run."""
        if not self.step:
            reading.teach(self.joint.text_encoder, self.tokenizer)
            self.ema = Ema(self.joint, self.plan.decay)

    def resume(self) -> None:
        """Continues from the checkpoint, if there is one."""
        state = load_checkpoint(self.checkpoint, self.device)
        if state is None:
            return
        self.joint.load_state_dict(state["model"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.ema.state, self.step, self.clock.spent = state["ema"], state["step"], state["spent"]

    def save(self) -> None:
        """Writes the checkpoint."""
        state = {
            "model": self.joint.state_dict(),
            "ema": self.ema.state,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "spent": self.clock.spent,
        }
        save_checkpoint(self.checkpoint, state)

    def averaged(self) -> Joint:
        """A copy with the averaged weights."""
        joint = Joint(new_text_encoder(len(self.tokenizer)), new_transformer()).to(self.device)
        self.ema.copy_to(joint)
        return joint.eval()

    def run(self, on_save: Callable[[Joint, int], None] | None = None, every: float = 360) -> None:
        """Trains until the budget is spent; `on_save` sees the averaged model at each save."""
        rng, saved, total = Random(self.plan.seed + self.step), self.clock.spent, 0.0
        self.clock.start()
        while (progress := self.clock.tick()) < 1:
            total += self._step(rng, progress)
            if self.step % 50 == 0:
                self._report(total / 50)
                total = 0.0
            if self.clock.spent - saved > every:
                saved = self.clock.spent
                self._checkpoint(on_save)
        self._checkpoint(on_save)

    def _checkpoint(self, on_save: Callable[[Joint, int], None] | None) -> None:
        self.save()
        if on_save:
            on_save(self.averaged(), self.step)

    def _report(self, loss: float) -> None:
        row = {"step": self.step, "seconds": round(self.clock.spent), "loss": round(loss, 4)}
        self.curve.add(row)
        log.info("transformer step %d, %d s: loss %.4f", *row.values())

    def _step(self, rng: Random, progress: float) -> float:
        rates = self.plan.matrix_rate, self.plan.rate
        for optimizer, rate in zip(self.optimizers, rates, strict=True):
            set_rate(optimizer, trapezoid(progress, rate))
        loss = self._loss(rng, progress)
        loss.backward()
        nn.utils.clip_grad_norm_(self.params, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.ema.update(self.joint, self.step)
        return loss.item()

    def _loss(self, rng: Random, progress: float) -> Tensor:
        if progress > self.plan.pairs_from and rng.random() < self.plan.pairs_share:
            pairs = self.latents.pairs
            chosen = self._choice(pairs.clips, rng)
            before = self._normalised(pairs.before[chosen])
            return recolor_loss(
                self.joint, self._batch(pairs.clips, chosen, rng), before, self.plan
            )
        bucket = self.latents.buckets[self._bucket(rng, progress)]
        batch = self._batch(bucket, self._choice(bucket, rng), rng)
        return flow_loss(self.joint, batch, rng, self.plan)

    def _bucket(self, rng: Random, progress: float) -> tuple[int, int, int]:
        if progress < self.plan.small_share:
            return rng.choice(SMALL)
        lot = rng.random()
        if lot < self.plan.mix[0]:
            return rng.choice(SMALL)
        if lot < sum(self.plan.mix):
            return MAIN
        return rng.choice(list(self.latents.buckets))

    def _choice(self, bucket: Bucket, rng: Random) -> list[int]:
        """As many clips as make up the plan's tokens, 4 to 36."""
        _, _, t, h, w = bucket.latents.shape
        count = max(4, min(36, self.plan.tokens // (t * h * w // 4)))
        return [rng.randrange(len(bucket.labels)) for _ in range(count)]

    def _batch(self, bucket: Bucket, chosen: list[int], rng: Random) -> Batch:
        captions = [random_caption(bucket.labels[i], rng) for i in chosen]
        text = reading.embed(self.joint.text_encoder, self.tokenizer, captions)
        near = bucket.near[chosen].float().to(self.device)
        return Batch(self._normalised(bucket.latents[chosen]), near, text)

    def _normalised(self, latents: Tensor) -> Tensor:
        mean, std = (v.view(1, -1, 1, 1, 1) for v in (self.latents.mean, self.latents.std))
        return ((latents.float() - mean) / std).to(self.device)
