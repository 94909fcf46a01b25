"""Names of a Wan transformer's weights: Wan's own, and diffusers'."""

from __future__ import annotations

from collections.abc import Collection

from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

PREFIXES = ("model.diffusion_model.", "diffusion_model.", "model.", "transformer.")
"""What ComfyUI and trainers put before every name."""

# Of FLF2V; diffusers' converter lacks it and would leave the positions of both pictures unset.
_POSITIONS = {"img_emb.emb_pos": "condition_embedder.image_embedder.pos_embed"}


def to_diffusers(keys: Collection[str], wanted: Collection[str]) -> dict[str, str]:
    """Each of ``keys`` with its name in diffusers; ``wanted`` are the names of the model.

    Names that are diffusers' already stay: its converter would swap norm2 and norm3.
    """
    bare = {key: without_prefix(key) for key in keys}
    known = set(wanted)
    if any("attn1." in name for name in bare.values()) or known.issuperset(bare.values()):
        return bare
    return {key: renamed(name) for key, name in bare.items()}


def renamed(name: str) -> str:
    """One of Wan's own names in diffusers' words."""
    if name in _POSITIONS:
        return _POSITIONS[name]
    return next(iter(convert_wan_transformer_to_diffusers({name: name})))


def without_prefix(key: str) -> str:
    """A name without what it is wrapped in."""
    for prefix in PREFIXES:
        if key.startswith(prefix):
            return key.removeprefix(prefix)
    return key
