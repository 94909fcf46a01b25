"""Writes the folder of a Hugging Face Space: ``python -m scripts.space [FOLDER] [--hardware H]``.

What a Space runs and nothing else, with a README and requirements of its own; then
``scripts.space_check`` looks at it as the Hub would. Any of the Hub's own tools pushes it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from scripts import space_check

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("app.py", "LICENSE", "wan_demo", "assets")
LEFT_OUT = ("__pycache__", ".*")

MODELS = ("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "Wan-AI/Wan2.2-TI2V-5B-Diffusers")
PRELOADED = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
"""What a GPU begins with: of all models the one whose clips fit into ZeroGPU's daily minutes."""

ZERO_GPU = "zero-a10g"
TORCH = "torch>=2.8,<2.12"
"""As ZeroGPU lists it (2.8 to 2.11)."""

BINARY = ("*.safetensors", "*.png", "*.mp4", "*.webp", "*.gif")
"""The Hub takes such files by its large file storage alone."""

TEXT = """# Wan Demo

Make videos with the Wan 2.1 / 2.2 models: from a prompt, from a picture, or by restyling a clip.

- **On ZeroGPU** each video is made in its page's own event, on its visitor's own quota: it is made
  only while the page stays open. To close or reload the page ends the job (`client_gone`), as does
  a program that leaves. There is no REST API, and no other model than the one that was loaded at
  the start and the bundled small one.
- **On a GPU of its own** jobs wait in one queue, and go on when their page is closed.
- **On a CPU** the bundled small model makes clips of moving shapes.

Settings are the Space's variables: `WAN_DEMO_MODEL` names another model (`wan2.2-ti2v-5b` makes
videos from pictures too), which is fetched at the start where it is not preloaded. Clips and jobs
are kept in `/data` where the Space has storage, else until it restarts.
"""


def main() -> int:
    """Write the folder, and say what the check finds in it."""
    parser = argparse.ArgumentParser(description="Write the folder of a Hugging Face Space.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist" / "space")
    parser.add_argument("--hardware", default=ZERO_GPU, choices=space_check.HARDWARE)
    options = parser.parse_args()
    write(options.folder, options.hardware)
    print(f"{options.folder}: a Space for {options.hardware}")
    return space_check.report(options.folder)


def write(folder: Path, hardware: str = ZERO_GPU) -> None:
    """Write the folder anew; one that is no Space's is left alone.

    Raises FileExistsError for such a folder.
    """
    if folder.exists() and not (folder / "wan_demo").is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} holds something else")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COPIED:
        _copy(ROOT / name, folder / name)
    (folder / "README.md").write_text(_readme(hardware))
    (folder / "requirements.txt").write_text(requirements((ROOT / "requirements.txt").read_text()))
    lines = [f"{pattern} filter=lfs diff=lfs merge=lfs -text" for pattern in BINARY]
    (folder / ".gitattributes").write_text("\n".join(lines) + "\n")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    else:
        shutil.copyfile(source, target)


def _readme(hardware: str) -> str:
    shown = yaml.safe_dump(front_matter(hardware), sort_keys=False, allow_unicode=True)
    return f"---\n{shown}---\n\n{TEXT}"


def front_matter(hardware: str) -> dict[str, Any]:
    """What the Hub is told: the README's own, and what is meant for this hardware."""
    own, _ = space_check.split((ROOT / "README.md").read_text())
    for_gpu = {"preload_from_hub": [PRELOADED], "startup_duration_timeout": "1h"}
    return {
        **own,
        "models": list(MODELS),
        "suggested_hardware": hardware,
        **({} if hardware.startswith("cpu") else for_gpu),
    }


def requirements(ours: str) -> str:
    """Our requirements with torch as ZeroGPU has it, and its own package."""
    lines = [line for line in ours.splitlines() if line and not line.startswith(("#", "torch"))]
    first = "# What the Space installs on top of Gradio; written by `make space`."
    return "\n".join([first, TORCH, "spaces>=0.43", *lines]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
