"""Pairs of files by their names."""

from __future__ import annotations

import pytest

from wan_demo.domain.halves import half, other_half, says_noise

PAIRS = {  # as their publishers write them
    "high_noise_model.safetensors": "low_noise_model.safetensors",
    "Wan2.2-Lightning_T2V-A14B-4steps-lora_HIGH_fp16.safetensors": (
        "Wan2.2-Lightning_T2V-A14B-4steps-lora_LOW_fp16.safetensors"
    ),
    "wan2.2_i2v_A14b_high_noise_lora_rank64_lightx2v_4step_1022.safetensors": (
        "wan2.2_i2v_A14b_low_noise_lora_rank64_lightx2v_4step_1022.safetensors"
    ),
    "HighNoise/Wan2.2-T2V-A14B-HighNoise-Q8_0.gguf": "LowNoise/Wan2.2-T2V-A14B-LowNoise-Q8_0.gguf",
    "style-High.safetensors": "style-Low.safetensors",
    "style high noise.safetensors": "style low noise.safetensors",
}


@pytest.mark.parametrize(("high", "low"), PAIRS.items())
def test_each_half_names_the_other(high, low):
    assert (half(high), half(low)) == ("high", "low")
    assert (other_half(high), other_half(low)) == (low, high)


@pytest.mark.parametrize(
    "name", ["style", "highlights", "slow_flow", "lowercase", "from_high_to_low", "Yellow"]
)
def test_other_names_are_no_halves(name):
    assert half(name) is None
    assert other_half(name) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [("low_poly", None), ("high-detail", None), ("x_HIGH_fp16", None), ("a_LowNoise_b", "low")],
)
def test_a_style_may_be_called_high_or_low(name, said):
    assert says_noise(name) == said
