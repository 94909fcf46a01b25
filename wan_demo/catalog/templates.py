"""The styles that Style edit proposes, as data."""

from __future__ import annotations

from wan_demo.domain.edit import Method
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.template import Template

_PHOTO = "photograph, photorealistic, live action"
_DRAWN = "cartoon, drawing, illustration, anime"

STYLES = (
    Template(
        "Anime",
        "Hand-drawn anime: {scene}. Clean line art, flat cel shading, vivid colors.",
        f"{_PHOTO}, 3D render",
        strength=0.75,
    ),
    Template(
        "Oil painting",
        "An oil painting of {scene}. Thick brush strokes, rich pigments, visible canvas.",
        f"{_PHOTO}, smooth",
        strength=0.75,
    ),
    Template(
        "Watercolor",
        "A watercolor painting of {scene}. Soft washes that bleed into white paper.",
        f"{_PHOTO}, hard outlines",
        strength=0.75,
    ),
    Template(
        "Pencil sketch",
        "A pencil sketch of {scene}. Graphite hatching on white paper, no color.",
        f"{_PHOTO}, color",
        strength=0.8,
    ),
    Template(
        "Pixel art",
        "Pixel art of {scene}. Large square pixels, few colors, a 16-bit video game.",
        f"{_PHOTO}, smooth gradients",
        Method.RENOISE,
        0.75,
    ),
    Template(
        "Claymation",
        "Claymation: {scene}. Figures of modelling clay with fingerprints, a miniature set.",
        f"{_PHOTO}, {_DRAWN}",
        strength=0.8,
    ),
    Template(
        "3D cartoon",
        "A 3D animated film: {scene}. Rounded shapes, soft light, bright colors.",
        f"{_PHOTO}, flat",
        strength=0.75,
    ),
    Template(
        "Film noir",
        "Film noir, black and white: {scene}. Hard light, deep shadows, fine film grain.",
        f"color, {_DRAWN}",
        strength=0.6,
    ),
    Template(
        "Golden hour",
        "{scene}, at golden hour. Low warm sunlight, long shadows, a soft glow.",
        f"overcast, night, {_DRAWN}",
        strength=0.55,
    ),
    Template(
        "Cyberpunk",
        "Cyberpunk at night: {scene}. Neon signs in magenta and cyan, wet reflections, haze.",
        f"daylight, {_DRAWN}",
        strength=0.7,
    ),
    Template(
        "Winter",
        "{scene}, in deep winter. Snow on every surface, flakes in the air, cold light.",
        f"summer, {_DRAWN}",
        strength=0.6,
    ),
)

_COLORS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "white")

RECOLORS = tuple(
    Template(color.capitalize(), word=color, takes_place_of=frozenset(_COLORS), strength=0.45)
    for color in _COLORS
)
"""For a model that knows shapes of these colors and nothing else."""


def of(spec: ModelSpec) -> tuple[Template, ...]:
    """The templates for a model."""
    return spec.templates or STYLES
