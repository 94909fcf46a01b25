"""Writes the tables of models: ``python -m scripts.model_table`` after a change of the catalogue.

A short one between the marks of README.md, and the official defaults in docs/models.md. A test
holds both against the catalogue.
"""

from __future__ import annotations

from pathlib import Path

from wan_demo import catalog
from wan_demo.domain.model import ModelSpec

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- models -->", "<!-- /models -->"

_DETAILS = """\
# Models and their defaults

Written by `python -m scripts.model_table` from `wan_demo/catalog/`. Guidance "a / b" is that of
the high-noise and the low-noise expert. A repo marked (?) is one that no source confirmed.

| id | repo | size | frames, fps | steps | guidance | flow shift | solver |
|---|---|---|---|---|---|---|---|
"""


def short_table() -> str:
    """Id, what it is, what is fetched."""
    rows = [f"| `{s.id}` | {s.summary} | {_download(s)} |" for s in catalog.MODELS]
    return "\n".join(["| id | what it is | download |", "|---|---|---|", *rows])


def details() -> str:
    """The whole of docs/models.md."""
    return _DETAILS + "\n".join(_row(spec) for spec in catalog.MODELS) + "\n"


def readme(text: str) -> str:
    """README.md with the short table put in between its marks."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{short_table()}\n{END}{rest.split(END)[1]}"


def _download(spec: ModelSpec) -> str:
    return "in the box" if spec.bundled else f"{spec.download_bytes / 1e9:.0f} GB"


def _row(spec: ModelSpec) -> str:
    d = spec.defaults
    second = "" if d.guidance_scale_2 is None else f" / {d.guidance_scale_2:g}"
    shifts = ", ".join(f"{r.name} {r.flow_shift:g}" for r in spec.resolutions)
    boundary = "" if spec.boundary_ratio is None else f", boundary {spec.boundary_ratio:g}"
    doubt = "" if spec.weights.is_verified else " (?)"
    cells = (
        f"`{spec.id}`",
        f"{spec.weights.name}{doubt}",
        f"{d.size[0]}x{d.size[1]}",
        f"{d.num_frames}, {d.fps}",
        str(d.num_inference_steps),
        f"{d.guidance_scale:g}{second}",
        f"{shifts}{boundary}",
        spec.scheduler,
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Write both."""
    page = ROOT / "README.md"
    page.write_text(readme(page.read_text(encoding="utf-8")), encoding="utf-8")
    (ROOT / "docs" / "models.md").write_text(details(), encoding="utf-8")


if __name__ == "__main__":
    main()
