"""One theme: quiet neutral ground, one accent, system fonts (nothing is fetched)."""

from __future__ import annotations

from gradio.themes import Base, colors, sizes

THEME = Base(
    primary_hue=colors.indigo,
    secondary_hue=colors.indigo,
    neutral_hue=colors.zinc,
    radius_size=sizes.radius_md,
    font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
    font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "monospace"],
).set(
    body_background_fill="*neutral_50",
    body_background_fill_dark="*neutral_950",
    block_background_fill="white",
    block_background_fill_dark="*neutral_900",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_400",
    block_border_width="0px",
    block_shadow="none",
    block_label_text_weight="600",
    block_title_text_weight="600",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_dark="*primary_600",
    button_primary_background_fill_hover_dark="*primary_700",
    button_primary_text_color="white",
    slider_color="*primary_600",
    slider_color_dark="*primary_400",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_400",
)
