"""Trains a VACE head over the bundled model: `python -m training.vace`.

The base's weights stay as they are; beside them come blocks that read what is shown and add hints
to the base's own (Jiang et al., arXiv 2503.07598). They begin as copies of the base's blocks at the
same depth, with hints of zero, so that the first step is the base itself.
"""

# diffusers annotates loosely and exports lazily.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import torch
from diffusers import AutoencoderKLWan, WanPipeline, WanTransformer3DModel
from diffusers import WanVACETransformer3DModel as Vace
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from transformers import PreTrainedTokenizerFast, UMT5EncoderModel

from training import fast_vae, reading
from training.common import (
    Clock,
    Curve,
    Ema,
    device_of,
    load_checkpoint,
    save_checkpoint,
    set_rate,
    trapezoid,
)
from training.latents import coarse
from training.transformer import noise_levels
from training.vace_examples import Example, Size, draw_many, stacked

log = logging.getLogger(__name__)

LAYERS = (0, 2, 4)
"""The base's blocks that get a hint."""

CHUNK = 32
"""Examples that are drawn and encoded at a time."""

NOTHING = 1 / 200
"""The largest level, of -1 to 1, that still is the gray which says nothing."""

HEAD = ("vace_blocks", "vace_patch_embedding")


@dataclass(frozen=True)
class Plan:
    """How the head is trained; `minutes` of training time on whatever machine it is."""

    minutes: float = 60
    examples: int = 4000
    batch: int = 16
    rate: float = 6e-4
    matrix_rate: float = 1.5e-3
    near_weight: float = 2.0
    empty_share: float = 0.1
    decay: float = 0.999
    workers: int = 2
    seed: int = 0


@dataclass(frozen=True)
class Encoded:
    """Examples of one shape as the transformer sees them, t latent frames of h by w cells.

    `made` (N, 16, t, h, w) and `control` (N, 96, t, h, w; what is kept, what is followed, and the
    mask's 64 pixels of each cell), normalised; `text` (N, 64, d); `near` (N, 1, t, h, w) weighs the
    error. A reference picture is a latent frame more, before the clip's own.
    """

    made: Tensor
    control: Tensor
    text: Tensor
    near: Tensor


class Encoder:
    """Examples to what the transformer sees of them, by the numbers of `WanVACEPipeline`."""

    def __init__(
        self,
        vae: AutoencoderKLWan,
        text_encoder: UMT5EncoderModel,
        tokenizer: PreTrainedTokenizerFast,
        device: torch.device,
    ) -> None:
        self.vae, self.text_encoder, self.tokenizer = vae, text_encoder, tokenizer
        self.device = device
        config = vae.config
        self.mean = torch.tensor(config.latents_mean, device=device).view(1, -1, 1, 1, 1)
        self.std = torch.tensor(config.latents_std, device=device).view(1, -1, 1, 1, 1)

    @torch.no_grad()
    def __call__(self, examples: list[Example]) -> Encoded:
        """All of one size, with a reference picture each or without."""
        made = self._latents(self._pixels(stacked(examples, "made")))
        shown = self._pixels(stacked(examples, "shown"))
        mask = (stacked(examples, "mask").to(self.device) > 0).float()[:, None]
        control = torch.cat([self._latents(shown * (1 - mask)), self._latents(shown * mask)], 1)
        cells = packed(mask[:, 0])
        near = torch.stack([coarse(one) for one in stacked(examples, "near").float()])[:, None]
        near = near.to(self.device)
        if examples[0].reference is not None:
            pictures = self._pixels(stacked(examples, "reference")[:, None])
            picture = self._latents(pictures)
            made = torch.cat([picture, made], 2)
            control = torch.cat([torch.cat([picture, torch.zeros_like(picture)], 1), control], 2)
            cells = torch.cat([torch.zeros_like(cells[:, :, :1]), cells], 2)
            near = torch.cat([torch.zeros_like(near[:, :, :1]), near], 2)
        text = reading.embed(self.text_encoder, self.tokenizer, [one.caption for one in examples])
        return Encoded(made.half(), torch.cat([control, cells], 1).half(), text.half(), near.half())

    def _pixels(self, levels: Tensor) -> Tensor:
        """(B, T, H, W, 3), 0 to 255, to (B, 3, T, H, W) in [-1, 1]."""
        return levels.to(self.device).float().permute(0, 4, 1, 2, 3) / 127.5 - 1

    def _latents(self, clip: Tensor) -> Tensor:
        """Normalised; of all the clips that show nothing, one is encoded."""
        shows = clip.flatten(1).abs().amax(1) > NOTHING
        if shows.all():
            return self._encoded(clip)
        nothing = self._encoded(torch.zeros_like(clip[:1]))
        found = nothing.expand(len(clip), *nothing.shape[1:]).clone()
        if shows.any():
            found[shows] = self._encoded(clip[shows])
        return found

    def _encoded(self, clip: Tensor) -> Tensor:
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            mean = fast_vae.encode(self.vae, clip)
        return (mean.float() - self.mean) / self.std


def packed(mask: Tensor) -> Tensor:
    """A mask (B, T, H, W) of pixels to (B, 64, t, H/8, W/8): of each latent frame one frame's.

    Which one is the pipeline's say (`WanVACEPipeline.prepare_masks`).
    """
    batch, frames, height, width = mask.shape
    cells = mask.view(batch, frames, height // 8, 8, width // 8, 8).permute(0, 3, 5, 1, 2, 4)
    size = ((frames + 3) // 4, height // 8, width // 8)
    return functional.interpolate(cells.flatten(1, 2), size=size, mode="nearest-exact")


def encode_all(encoder: Encoder, plan: Plan) -> list[Encoded]:
    """The plan's examples, drawn and encoded; those of one shape together."""
    waiting: dict[tuple[Size, bool], list[Example]] = {}
    done: dict[tuple[Size, bool], list[Encoded]] = {}
    for example in draw_many(plan.examples, plan.seed + 1, plan.workers):
        frames, height, width, _ = example.made.shape
        key = ((frames, height, width), example.reference is not None)
        some = waiting.setdefault(key, [])
        some.append(example)
        if len(some) == CHUNK:
            done.setdefault(key, []).append(encoder(waiting.pop(key)))
    for key, some in waiting.items():
        done.setdefault(key, []).append(encoder(some))
    log.info("%d examples of %d shapes", plan.examples, len(done))
    return [_joined(parts) for parts in done.values()]


def _kept(path: Path, encoder: Encoder, plan: Plan) -> list[Encoded]:
    """The examples of this run, encoded at its first start."""
    kept = load_checkpoint(path, encoder.device)
    if kept is None:
        kept = {"examples": [asdict(one) for one in encode_all(encoder, plan)]}
        save_checkpoint(path, kept)
    return [Encoded(**one) for one in kept["examples"]]


def _joined(parts: list[Encoded]) -> Encoded:
    names = Encoded.__dataclass_fields__
    return Encoded(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def new_head(base: WanTransformer3DModel) -> Vace:
    """The base with a head whose hints are zero."""
    config = {k: v for k, v in base.config.items() if not k.startswith("_")}
    vace = Vace(**config, vace_layers=list(LAYERS), vace_in_channels=96)
    vace.load_state_dict(base.state_dict(), strict=False)
    for layer, block in zip(LAYERS, vace.vace_blocks, strict=True):
        block.load_state_dict(base.blocks[layer].state_dict(), strict=False)
        nn.init.zeros_(block.proj_out.weight)
        nn.init.zeros_(block.proj_out.bias)
    first = vace.vace_blocks[0].proj_in
    nn.init.zeros_(first.bias)
    first.weight.data = 0.5 * torch.eye(len(first.bias))
    seen, own = vace.vace_patch_embedding, base.patch_embedding
    nn.init.normal_(seen.weight, std=0.02)
    nn.init.zeros_(seen.bias)
    seen.weight.data[:, :16] = seen.weight.data[:, 16:32] = own.weight.data
    return vace


def head_of(vace: Vace) -> nn.ModuleDict:
    """What is trained of it."""
    return nn.ModuleDict({name: getattr(vace, name) for name in HEAD})


class HeadTrainer:
    """One resumable run."""

    def __init__(
        self, run_dir: Path, plan: Plan, base: WanTransformer3DModel, device: torch.device
    ) -> None:
        self.run_dir, self.plan, self.device = run_dir, plan, device
        torch.manual_seed(plan.seed)
        self.vace = new_head(base).to(device).requires_grad_(False)
        self.head = head_of(self.vace).requires_grad_(True)
        self.optimizers = _optimizers(self.head, plan)
        self.clock, self.step = Clock(plan.minutes * 60), 0
        self.curve = Curve(run_dir / "vace.csv")
        self.ema = Ema(self.head, plan.decay)
        self._resume()

    @property
    def checkpoint(self) -> Path:
        """Where the state is kept."""
        return self.run_dir / "vace.pt"

    def run(self, examples: list[Encoded], empty: Tensor) -> None:
        """Trains until the budget is spent; `empty` (64, d) is the text of no caption."""
        rng, losses = Random(self.plan.seed + self.step), []
        weights = [len(one.made) for one in examples]
        saved = self.clock.spent
        self.clock.start()
        while (progress := self.clock.tick()) < 1:
            (bucket,) = rng.choices(examples, weights)
            losses.append(self._step(bucket, empty, progress))
            if self.step % 100 == 0:
                self._report(float(torch.stack(losses).mean()))
                losses.clear()
            if self.clock.spent - saved > 120:
                saved = self.clock.spent
                self._save()
        self._save()

    def _step(self, bucket: Encoded, empty: Tensor, progress: float) -> Tensor:
        for optimizer, rate in zip(
            self.optimizers, (self.plan.matrix_rate, self.plan.rate), strict=True
        ):
            set_rate(optimizer, trapezoid(progress, rate, fall=0.6))
        loss = vace_loss(self.vace, bucket, empty, self.plan)
        loss.backward()
        nn.utils.clip_grad_norm_(self.head.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.ema.update(self.head, self.step)
        return loss.detach()

    def _report(self, loss: float) -> None:
        row = {"step": self.step, "seconds": round(self.clock.spent), "loss": round(loss, 4)}
        self.curve.add(row)
        log.info("head step %d, %d s: loss %.4f", *row.values())

    def averaged(self) -> Vace:
        """The transformer with the head's averaged weights."""
        self.ema.copy_to(self.head)
        return self.vace.eval()

    def _resume(self) -> None:
        state = load_checkpoint(self.checkpoint, self.device)
        if state is None:
            return
        self.head.load_state_dict(state["head"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.ema.state, self.step, self.clock.spent = state["ema"], state["step"], state["spent"]

    def _save(self) -> None:
        state = {
            "head": self.head.state_dict(),
            "ema": self.ema.state,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "spent": self.clock.spent,
        }
        save_checkpoint(self.checkpoint, state)


def _optimizers(head: nn.Module, plan: Plan) -> tuple[Optimizer, Optimizer]:
    """Muon for the matrices, AdamW for the rest, as the base had (`training.transformer`)."""
    matrices = [p for p in head.parameters() if p.ndim == 2]
    others = [p for p in head.parameters() if p.ndim != 2]
    return (
        torch.optim.Muon(
            matrices, lr=plan.matrix_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(others, lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.01),
    )


def vace_loss(vace: Vace, bucket: Encoded, empty: Tensor, plan: Plan) -> Tensor:
    """Weighted error of the velocity on a batch drawn from `bucket`."""
    device = bucket.made.device
    chosen = torch.randint(len(bucket.made), (plan.batch,), device=device)
    made, control = bucket.made[chosen].float(), bucket.control[chosen].float()
    silent = torch.rand(plan.batch, 1, 1, device=device) < plan.empty_share
    text = torch.where(silent, empty, bucket.text[chosen].float())
    t, noise = noise_levels(plan.batch, device), torch.randn_like(made)
    level = t.view(-1, 1, 1, 1, 1)
    noisy = (1 - level) * made + level * noise
    output = vace(noisy, t * 1000, text, control_hidden_states=control, return_dict=False)[0]
    error = (output - (noise - made)).square().mean(1, keepdim=True)
    weight = 1 + plan.near_weight * bucket.near[chosen].float()
    return (error * weight).sum() / weight.sum()


def export(vace: Vace, folder: Path) -> None:
    """Writes the head alone, in fp16, and the config of the whole transformer."""
    folder.mkdir(parents=True, exist_ok=True)
    head = {
        name: tensor.half().contiguous().cpu()
        for name, tensor in vace.state_dict().items()
        if name.startswith(HEAD)
    }
    save_file(head, folder / "vace.safetensors", metadata={"format": "pt"})
    config = {k: v for k, v in vace.config.items() if k not in ("_name_or_path",)}
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def main() -> None:
    """Draws the examples, trains, and writes the head."""
    args = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(args.threads)
    torch.set_float32_matmul_precision("high")
    device = device_of(args.device)
    base = WanPipeline.from_pretrained(args.base, dtype=torch.float32).to(device)
    encoder = Encoder(base.vae, base.text_encoder, base.tokenizer, device)
    plan = Plan(args.minutes, args.examples, args.batch, workers=args.workers)
    args.run_dir.mkdir(parents=True, exist_ok=True)
    examples = _kept(args.run_dir / "examples.pt", encoder, plan)
    with torch.no_grad():
        empty = reading.embed(base.text_encoder, base.tokenizer, [""])[0]
    trainer = HeadTrainer(args.run_dir, plan, base.transformer, device)
    if args.compile:
        trainer.vace.compile_repeated_blocks(dynamic=True)
    trainer.run(examples, empty)
    export(trainer.averaged(), args.output)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a VACE head over the bundled model.")
    default = Plan()
    parser.add_argument("--base", type=Path, default=Path("assets/wan-tiny"))
    parser.add_argument("--run-dir", type=Path, default=Path("runs/wan-tiny-vace"))
    parser.add_argument("--output", type=Path, default=Path("assets/wan-tiny-vace"))
    parser.add_argument("--device", default="auto", help="cpu, cuda, or auto")
    parser.add_argument("--minutes", type=float, default=default.minutes)
    parser.add_argument("--examples", type=int, default=default.examples)
    parser.add_argument("--batch", type=int, default=default.batch)
    parser.add_argument("--workers", type=int, default=default.workers, help="that draw")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="torch.compile the blocks")
    return parser.parse_args()


if __name__ == "__main__":
    main()
