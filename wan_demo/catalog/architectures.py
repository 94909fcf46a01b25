"""The architectures of the Wan checkpoints.

Figures: the ``config.json`` of the parts in the Wan-AI diffusers repositories, and
``wan/configs`` of the Wan-Video repositories Wan2.1 and Wan2.2.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from wan_demo.catalog import latent_colors, parameters
from wan_demo.domain.architecture import Architecture, Config


def _config(base: Config | None = None, **values: object) -> Config:
    return MappingProxyType({**(base or {}), **values})


UMT5_XXL = _config(
    vocab_size=256384,
    d_model=4096,
    d_kv=64,
    d_ff=10240,
    num_layers=24,
    num_heads=64,
    relative_attention_num_buckets=32,
    relative_attention_max_distance=128,
    feed_forward_proj="gated-gelu",
)

CLIP_VIT_H = _config(
    hidden_size=1280,
    intermediate_size=5120,
    projection_dim=1024,
    num_hidden_layers=32,
    num_attention_heads=16,
    image_size=224,
    patch_size=14,
    hidden_act="gelu",
)

VAE_21 = _config(
    base_dim=96,
    z_dim=16,
    dim_mult=(1, 2, 4, 4),
    num_res_blocks=2,
    attn_scales=(),
    temperal_downsample=(False, True, True),
)

VAE_22 = _config(
    base_dim=160,
    decoder_base_dim=256,
    z_dim=48,
    dim_mult=(1, 2, 4, 4),
    num_res_blocks=2,
    attn_scales=(),
    temperal_downsample=(False, True, True),
    is_residual=True,
    in_channels=12,
    out_channels=12,
    patch_size=2,
    scale_factor_spatial=16,
    scale_factor_temporal=4,
)

_TRANSFORMER = _config(
    patch_size=(1, 2, 2),
    attention_head_dim=128,
    in_channels=16,
    out_channels=16,
    text_dim=4096,
    freq_dim=256,
    cross_attn_norm=True,
    qk_norm="rms_norm_across_heads",
    eps=1e-6,
    rope_max_seq_len=1024,
)
_T_1_3B = _config(_TRANSFORMER, num_layers=30, num_attention_heads=12, ffn_dim=8960)
_T_5B = _config(
    _TRANSFORMER,
    num_layers=30,
    num_attention_heads=24,
    ffn_dim=14336,
    in_channels=48,
    out_channels=48,
)
_T_14B = _config(_TRANSFORMER, num_layers=40, num_attention_heads=40, ffn_dim=13824)
_T_14B_IMAGE = _config(_T_14B, in_channels=36, image_dim=1280, added_kv_proj_dim=5120)

T2V_1_3B = Architecture(
    "WanTransformer3DModel",
    _T_1_3B,
    VAE_21,
    UMT5_XXL,
    parameters.T2V_1_3B,
    latent_colors=latent_colors.WAN_21,
)
T2V_14B = replace(T2V_1_3B, transformer=_T_14B, parameters=parameters.T2V_14B)
I2V_14B = replace(
    T2V_14B,
    transformer=_T_14B_IMAGE,
    image_encoder=CLIP_VIT_H,
    parameters=parameters.I2V_14B,
)
FLF2V_14B = replace(
    I2V_14B,
    # Both pictures' tokens: 2 x (16 x 16 patches + 1 class token).
    transformer=_config(_T_14B_IMAGE, pos_embed_seq_len=514),
    parameters=parameters.FLF2V_14B,
)
VACE_1_3B = Architecture(
    "WanVACETransformer3DModel",
    _config(_T_1_3B, vace_layers=tuple(range(0, 30, 2)), vace_in_channels=96),
    VAE_21,
    UMT5_XXL,
    parameters.VACE_1_3B,
    latent_colors=latent_colors.WAN_21,
)
VACE_14B = replace(
    VACE_1_3B,
    transformer=_config(_T_14B, vace_layers=tuple(range(0, 40, 5)), vace_in_channels=96),
    parameters=parameters.VACE_14B,
)
T2V_A14B = replace(T2V_14B, experts=2, parameters=parameters.T2V_A14B)
# The mask's 4 channels and the picture's 16 latent ones come on top; no image encoder any more.
I2V_A14B = replace(
    T2V_A14B, transformer=_config(_T_14B, in_channels=36), parameters=parameters.I2V_A14B
)
TI2V_5B = Architecture(
    "WanTransformer3DModel",
    _T_5B,
    VAE_22,
    UMT5_XXL,
    parameters.TI2V_5B,
    latent_colors=latent_colors.WAN_22,
)
