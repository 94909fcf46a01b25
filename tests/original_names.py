"""From diffusers' names of a Wan transformer's weights to Wan's own, for files as published.

Wan's names: ``wan/modules/model.py`` and ``vace_model.py`` of Wan-Video/Wan2.1; the pairs are those
of diffusers' ``scripts/convert_wan_to_diffusers.py``, read backwards.
"""

from __future__ import annotations

_EMBEDDER = "condition_embedder"
_TOP = {
    f"{_EMBEDDER}.time_embedder.linear_1": "time_embedding.0",
    f"{_EMBEDDER}.time_embedder.linear_2": "time_embedding.2",
    f"{_EMBEDDER}.text_embedder.linear_1": "text_embedding.0",
    f"{_EMBEDDER}.text_embedder.linear_2": "text_embedding.2",
    f"{_EMBEDDER}.time_proj": "time_projection.1",
    f"{_EMBEDDER}.image_embedder.norm1": "img_emb.proj.0",
    f"{_EMBEDDER}.image_embedder.ff.net.0.proj": "img_emb.proj.1",
    f"{_EMBEDDER}.image_embedder.ff.net.2": "img_emb.proj.3",
    f"{_EMBEDDER}.image_embedder.norm2": "img_emb.proj.4",
    f"{_EMBEDDER}.image_embedder.pos_embed": "img_emb.emb_pos",
    "proj_out": "head.head",
    "scale_shift_table": "head.modulation",
    "patch_embedding": "patch_embedding",
    "vace_patch_embedding": "vace_patch_embedding",
}
_ATTENTION = {"attn1": "self_attn", "attn2": "cross_attn"}
_IN_BLOCK = {
    **{f"{ours}.to_{x}": f"{wan}.{x}" for ours, wan in _ATTENTION.items() for x in "qkv"},
    **{f"{ours}.norm_{x}": f"{wan}.norm_{x}" for ours, wan in _ATTENTION.items() for x in "qk"},
    **{f"{ours}.to_out.0": f"{wan}.o" for ours, wan in _ATTENTION.items()},
    "attn2.add_k_proj": "cross_attn.k_img",
    "attn2.add_v_proj": "cross_attn.v_img",
    "attn2.norm_added_k": "cross_attn.norm_k_img",
    "ffn.net.0.proj": "ffn.0",
    "ffn.net.2": "ffn.2",
    "norm2": "norm3",
    "scale_shift_table": "modulation",
    "proj_in": "before_proj",
    "proj_out": "after_proj",
}


def original(key: str) -> str:
    """``blocks.0.attn1.to_q.weight`` is ``blocks.0.self_attn.q.weight``; KeyError for others."""
    module, dot, kind = key.rpartition(".")
    if kind not in ("weight", "bias"):
        module, dot, kind = key, "", ""
    if module in _TOP:
        return _TOP[module] + dot + kind
    blocks, number, inner = module.split(".", 2)
    return f"{blocks}.{number}.{_IN_BLOCK[inner]}{dot}{kind}"
