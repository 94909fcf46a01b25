"""Parameters of each architecture's parts, by ``python -m scripts.parameters``."""

from __future__ import annotations

T2V_1_3B = {
    "text_encoder": 5_680_910_336,
    "transformer": 1_418_996_800,
    "vae": 126_892_531,
}
T2V_14B = {
    "text_encoder": 5_680_910_336,
    "transformer": 14_288_491_584,
    "vae": 126_892_531,
}
I2V_14B = {
    "text_encoder": 5_680_910_336,
    "image_encoder": 632_076_800,
    "transformer": 16_394_878_784,
    "vae": 126_892_531,
}
FLF2V_14B = {
    "text_encoder": 5_680_910_336,
    "image_encoder": 632_076_800,
    "transformer": 16_395_536_704,
    "vae": 126_892_531,
}
VACE_1_3B = {
    "text_encoder": 5_680_910_336,
    "transformer": 2_153_972_032,
    "vae": 126_892_531,
}
VACE_14B = {
    "text_encoder": 5_680_910_336,
    "transformer": 17_337_592_896,
    "vae": 126_892_531,
}
T2V_A14B = {
    "text_encoder": 5_680_910_336,
    "transformer": 14_288_491_584,
    "transformer_2": 14_288_491_584,
    "vae": 126_892_531,
}
I2V_A14B = {
    "text_encoder": 5_680_910_336,
    "transformer": 14_288_901_184,
    "transformer_2": 14_288_901_184,
    "vae": 126_892_531,
}
TI2V_5B = {
    "text_encoder": 5_680_910_336,
    "transformer": 4_999_787_712,
    "vae": 704_688_668,
}
