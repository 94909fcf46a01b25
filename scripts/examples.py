"""Draws the pictures and clips of the page's examples: ``python -m scripts.examples``."""

from __future__ import annotations

from random import Random

from wan_demo import catalog
from wan_demo.domain.events import Frames
from wan_demo.media.encode import write_image, write_mp4

FRAMES, FPS, SIDE = 17, 8, 256
STILLS = {
    "green-square.png": ("green", "square", "moving left", "black"),
    "blue-circle.png": ("blue", "circle", "shrinking", "sand"),
}
CLIPS = {
    "red-circle.mp4": ("red", "circle", "moving right", "black"),
    "purple-star.mp4": ("purple", "star", "spinning", "gray"),
}


def main() -> None:
    """Write all of them to ``assets/examples``."""
    folder = catalog.ASSETS / "examples"
    folder.mkdir(exist_ok=True)
    for name, words in STILLS.items():
        write_image(_draw(*words)[0], folder / name)
    for name, words in CLIPS.items():
        write_mp4(_draw(*words), FPS, folder / name, {"software": "drawn by wan_demo"})


def _draw(color: str, shape: str, motion: str, background: str) -> Frames:
    from training.shapes import Labels, clip_times, draw, random_path

    labels = Labels(color, shape, motion, background)
    path = random_path(labels, Random(7), SIDE, SIDE)
    clip, _ = draw(labels, path, clip_times(FRAMES), (SIDE, SIDE))
    return (clip * 255).round().byte().permute(0, 2, 3, 1).numpy()


if __name__ == "__main__":
    main()
