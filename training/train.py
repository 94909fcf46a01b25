"""Command line: `python -m training.train [--stage all|vae|latents|transformer|decoder|export]`.

The stages leave their results in the run folder and resume from them:
`vae.pt`, `latents.pt`, `transformer.pt` and `decoder.pt`, each with its curve in a CSV file.
"""

# diffusers annotates loosely and exports lazily.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, WanPipeline
from transformers import PreTrainedTokenizerFast

from training import latents, measure, transformer, vae
from training.common import device_of
from training.export import export, with_statistics
from training.folder import new_scheduler
from training.sample import Sampler, Settings
from training.tokenizer import train_tokenizer

STAGES = ("vae", "latents", "transformer", "decoder", "export")
log = logging.getLogger(__name__)


@dataclass
class Run:
    """A run folder and what the stages need to know."""

    folder: Path
    device: torch.device
    args: argparse.Namespace

    def vae_trainer(self) -> vae.VaeTrainer:
        """The autoencoder's run, resumed."""
        run = vae.VaeTrainer(self.folder, vae.Plan(minutes=self.args.vae_minutes), self.device)
        if self.args.init_from and not run.step:
            part = AutoencoderKLWan.from_pretrained(self.args.init_from, subfolder="vae")
            run.start_from(part.state_dict())
        return run

    def decoder_trainer(self) -> vae.VaeTrainer:
        """The decoder's last polish; its encoder stays as the latents know it."""
        args = self.args
        plan = vae.polish(args.decoder_minutes, args.batch_factor, args.workers, args.motion_weight)
        run = vae.VaeTrainer(self.folder, plan, self.device, "decoder")
        run.start_from(self.vae_trainer().averaged().state_dict())
        return run

    def best_vae(self) -> AutoencoderKLWan:
        """The autoencoder with the polished decoder, where there is one."""
        polished = (self.folder / "decoder.pt").exists()
        return (self.decoder_trainer() if polished else self.vae_trainer()).averaged()

    def transformer_trainer(
        self, tokenizer: PreTrainedTokenizerFast
    ) -> transformer.TransformerTrainer:
        """The transformer's run, resumed."""
        plan = transformer.Plan(
            minutes=self.args.transformer_minutes,
            pairs_from=self.args.pairs_from,
            compile=self.args.compile,
        )
        plan = replace(
            plan, rate=plan.rate * self.args.peak, matrix_rate=plan.matrix_rate * self.args.peak
        )
        run = transformer.TransformerTrainer(
            self.folder, plan, self.device, tokenizer, latents.load(self.folder / "latents.pt")
        )
        if self.args.init_from:
            parts = WanPipeline.from_pretrained(self.args.init_from, dtype=torch.float32)
            run.start_from(transformer.Joint(parts.text_encoder, parts.transformer))
        if not self.args.keep_text_encoder:
            run.teach_captions()
        return run

    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The tokenizer of this run, trained at its first use."""
        path = self.folder / "tokenizer"
        if not path.exists():
            train_tokenizer().save_pretrained(path)
        return PreTrainedTokenizerFast.from_pretrained(path)


def main() -> None:
    """Parses the arguments and runs the stages in their order."""
    args = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(args.threads)
    args.run_dir.mkdir(parents=True, exist_ok=True)
    run = Run(args.run_dir, device_of(args.device), args)
    for stage in STAGES if args.stage == "all" else (args.stage,):
        log.info("stage %s", stage)
        _ACTIONS[stage](run)


def _latents(run: Run) -> None:
    path = run.folder / "latents.pt"
    if not path.exists():
        latents.precompute(run.vae_trainer().averaged(), path)


def _transformer(run: Run) -> None:
    tokenizer = run.tokenizer()
    trainer, coder = run.transformer_trainer(tokenizer), run.best_vae()
    statistics = trainer.latents.mean, trainer.latents.std

    def check(joint: transformer.Joint, step: int) -> None:
        export(run.folder / "wan-tiny", tokenizer, joint, coder, statistics)
        if not run.args.check_prompts:
            return
        shown = with_statistics(coder, *statistics)
        _report(tokenizer, trainer.averaged(), shown, step, run.args.check_prompts)

    trainer.run(check, every=run.args.check_every)


def _report(
    tokenizer: PreTrainedTokenizerFast,
    joint: transformer.Joint,
    coder: AutoencoderKLWan,
    step: int,
    prompts: int,
) -> None:
    """Logs what a few fresh clips show."""
    pipeline = WanPipeline(
        tokenizer=tokenizer,
        text_encoder=joint.text_encoder,
        transformer=joint.transformer,
        vae=coder,
        scheduler=new_scheduler(),
        expand_timesteps=True,
    )
    how = Settings(num_inference_steps=10)
    scores = measure.text_to_video(Sampler(pipeline), measure.prompt_set(prompts), how)
    log.info("step %d, %d prompts: %s", step, prompts, measure.rates(scores))


def _export(run: Run) -> None:
    tokenizer = run.tokenizer()
    trainer = run.transformer_trainer(tokenizer)
    statistics = trainer.latents.mean, trainer.latents.std
    export(run.args.output, tokenizer, trainer.averaged(), run.best_vae(), statistics)


def _decoder(run: Run) -> None:
    """Polishes it; of a run that began with a trained folder, writes the autoencoder's part."""
    trainer = run.decoder_trainer()
    trainer.run()
    if run.args.init_from:
        known = AutoencoderKLWan.from_pretrained(run.args.init_from, subfolder="vae").config
        mean, std = (torch.tensor(known[key]) for key in ("latents_mean", "latents_std"))
        polished = with_statistics(trainer.averaged(), mean, std).half()
        polished.save_pretrained(run.folder / "vae")


_ACTIONS = {
    "vae": lambda run: run.vae_trainer().run(),
    "latents": _latents,
    "transformer": _transformer,
    "decoder": _decoder,
    "export": _export,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the bundled model.")
    parser.add_argument("--stage", choices=("all", *STAGES), default="all")
    parser.add_argument("--run-dir", type=Path, default=Path("runs/wan-tiny"))
    parser.add_argument("--output", type=Path, default=Path("assets/wan-tiny"))
    parser.add_argument("--init-from", type=Path, help="a trained folder to start from")
    parser.add_argument("--device", default="auto", help="cpu, cuda, or auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--vae-minutes", type=float, default=48)
    parser.add_argument("--transformer-minutes", type=float, default=55)
    parser.add_argument("--decoder-minutes", type=float, default=10)
    parser.add_argument("--batch-factor", type=int, default=1, help="of the decoder's stage")
    parser.add_argument("--workers", type=int, default=0, help="that draw for the decoder's stage")
    parser.add_argument("--motion-weight", type=float, default=0.0, help="of the decoder's stage")
    parser.add_argument("--check-every", type=float, default=420, help="seconds between saves")
    parser.add_argument("--check-prompts", type=int, default=24, help="clips read at a save")
    parser.add_argument("--peak", type=float, default=1.0, help="factor on the learning rates")
    parser.add_argument("--pairs-from", type=float, default=0.85, help="part of the run before")
    parser.add_argument("--keep-text-encoder", action="store_true", help="do not teach it first")
    parser.add_argument("--compile", action="store_true", help="torch.compile the blocks")
    return parser.parse_args()


if __name__ == "__main__":
    main()
