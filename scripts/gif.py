"""A GIF of clips side by side, for ``docs/``: ``python -m scripts.gif OUT.gif CLIP.mp4 ...``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from wan_demo.media.decode import probe, read_video

SIDE, GAP = 192, 8


def main(target: str, *clips: str) -> None:
    """Write ``target`` with every clip at SIDE pixels, in step."""
    rows = [_read(Path(clip)) for clip in clips]
    gap = np.full((*rows[0].shape[:2], GAP, 3), 255, np.uint8)
    joined = np.concatenate([part for row in rows for part in (row, gap)][:-1], axis=2)
    first, *rest = (Image.fromarray(frame).quantize(64) for frame in joined)
    first.save(target, save_all=True, append_images=rest, duration=125, loop=0, optimize=True)
    print(f"{target}: {Path(target).stat().st_size // 1024} kB")


def _read(clip: Path) -> np.ndarray:
    medium = probe(clip, "video")
    return read_video(clip, (SIDE, SIDE), medium.frames, medium.fps)


if __name__ == "__main__":
    main(*sys.argv[1:])
