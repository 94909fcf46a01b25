"""Command line: `python -m training.evaluate` measures the shipped weights and prints the table."""

# diffusers annotates loosely and exports lazily.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, WanPipeline

from training import fast_vae, measure, unseen
from training.captions import exact
from training.sample import Sampler, Settings
from training.shapes import Labels, held_out

GUIDANCE = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
PARTS = ("vae", "text", "image", "video", "guidance", "time")


def main() -> None:
    """Measures the chosen parts and prints a line for each figure."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    sampler = Sampler(WanPipeline.from_pretrained(args.model, dtype=torch.float32))
    how = Settings(
        num_inference_steps=args.steps,
        guidance_scale=args.guidance,
        strength=args.strength,
        flow_shift=args.shift,
    )
    print(f"{args.model}: {how}")
    labels = measure.prompt_set(args.prompts)
    actions = {
        "vae": lambda: _vae(sampler.text.vae),
        "text": lambda: _text(sampler, labels, how),
        "image": lambda: _image(sampler, measure.prompt_set(args.few), how),
        "video": lambda: _video(sampler, measure.prompt_set(args.few), how),
        "guidance": lambda: _guidance(sampler, measure.prompt_set(args.few), how),
        "time": lambda: _time(sampler, how),
    }
    for part in args.parts:
        actions[part]()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the bundled model.")
    default = Settings()
    parser.add_argument("--model", type=Path, default=Path("assets/wan-tiny"))
    parser.add_argument("--prompts", type=int, default=160, help="text-to-video prompts")
    parser.add_argument("--few", type=int, default=48, help="clips for each other measurement")
    parser.add_argument("--steps", type=int, default=default.num_inference_steps)
    parser.add_argument("--guidance", type=float, default=default.guidance_scale)
    parser.add_argument("--strength", type=float, default=default.strength)
    parser.add_argument("--shift", type=float, default=default.flow_shift, help="flow shift")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


def _line(name: str, figures: dict[str, float], unit: str = "%") -> None:
    cells = "  ".join(f"{key} {value:.1f}{unit}" for key, value in figures.items())
    print(f"{name:<34}{cells}", flush=True)


def _text(sampler: Sampler, labels: list[Labels], how: Settings) -> None:
    scores = measure.text_to_video(sampler, labels, how)
    apart = [score for score in scores if held_out(score.wanted)]
    _line(f"text-to-video, {len(scores)} prompts", measure.rates(scores))
    _line(f"  held-out triples, {len(apart)}", measure.rates(apart))
    for word in ("circle", "square", "triangle", "star"):
        _line(f"  {word}", measure.rates([s for s in scores if s.wanted.shape == word]))


def _image(sampler: Sampler, labels: list[Labels], how: Settings) -> None:
    results = list(measure.image_to_video(sampler, labels, how))
    _line(f"image-to-video, {len(results)} clips", measure.rates([r.score for r in results]))
    firsts = [r.first_frame for r in results]
    figures = {"mean": statistics.fmean(firsts), "least": min(firsts)}
    _line("  first frame against the input", figures, " dB")


def _video(sampler: Sampler, labels: list[Labels], how: Settings) -> None:
    results = list(measure.video_to_video(sampler, labels, how))
    _line(f"video-to-video, {len(results)} clips", measure.rates([r.score for r in results]))
    paths = [r.correlation for r in results if r.correlation is not None]
    drifts = [r.drift for r in results if r.correlation is None]
    offsets = [r.drift for r in results if r.correlation is not None]
    figures = {"mean": statistics.fmean(paths), "median": statistics.median(paths)}
    _line("  path correlation (moving)", figures, "")
    figures = {"mean": statistics.fmean(drifts), "median": statistics.median(drifts)}
    _line("  drift (not moving)", figures | {"most": max(drifts)}, " px")
    _line("  offset (moving)", {"mean": statistics.fmean(offsets)}, " px")


def _guidance(sampler: Sampler, labels: list[Labels], how: Settings) -> None:
    for scale in GUIDANCE:
        scores = measure.text_to_video(sampler, labels, replace(how, guidance_scale=scale))
        _line(f"guidance {scale:g}, {len(scores)} prompts", measure.rates(scores))


@torch.no_grad()
def _vae(vae: AutoencoderKLWan) -> None:
    pictures = unseen.pictures(24)
    for count, painter in enumerate(unseen.PAINTERS):
        some = pictures[count::4]
        again = fast_vae.decode(vae, fast_vae.encode(vae, some[:, :, None] * 2 - 1))[:, :, 0]
        values = [
            measure.psnr(a, (b + 1) / 2) for a, b in zip(some, again.clamp(-1, 1), strict=True)
        ]
        figures = {"mean": statistics.fmean(values), "least": min(values)}
        _line(f"autoencoder, unseen {painter.__name__}", figures, " dB")


def _time(sampler: Sampler, how: Settings) -> None:
    prompt = exact(measure.prompt_set(2)[0])
    spent = measure.seconds(lambda: sampler.from_text([prompt], [1], how))
    print(f"one clip, {how.num_frames} frames of {how.width}x{how.height}: {spent:.2f} s")


if __name__ == "__main__":
    main()
