"""Command line: `python -m training.train [--stage all|vae|latents|transformer|export]`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch

from training.common import device_of
from training.vae import Plan, VaeTrainer


def main() -> None:
    """Parses the arguments and runs the stages in their order."""
    args = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(args.threads)
    VaeTrainer(args.run_dir, Plan(minutes=args.vae_minutes), device_of(args.device)).run()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the bundled model.")
    parser.add_argument("--run-dir", type=Path, default=Path("runs/wan-tiny"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--vae-minutes", type=float, default=48)
    return parser.parse_args()


if __name__ == "__main__":
    main()
