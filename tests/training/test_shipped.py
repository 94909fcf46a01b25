"""The shipped folder: its sizes, what it holds, and that it loads."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanPipeline

FOLDER = Path(__file__).parents[2] / "assets" / "wan-tiny"


def test_sizes_a_space_takes():
    sizes = [file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()]
    assert max(sizes) < 9_000_000
    assert sum(sizes) <= 24_000_000


def test_no_machine_path():
    for file in FOLDER.rglob("*.json"):
        if file.name != "tokenizer.json":
            text = file.read_text(encoding="utf-8")
            assert str(Path.home()) not in text
            assert str(FOLDER.parents[1]) not in text


def test_latents_statistics_come_from_data():
    config = json.loads((FOLDER / "vae" / "config.json").read_text(encoding="utf-8"))
    assert len(config["latents_mean"]) == len(config["latents_std"]) == 16
    assert config["latents_mean"][0] != pytest.approx(-0.7571)
    assert config.get("patch_size") is None


def test_loads():
    pipeline: Any = WanPipeline.from_pretrained(FOLDER, dtype=torch.float32)
    assert pipeline.config.expand_timesteps
    assert pipeline.vae.config.scale_factor_spatial == 8
    assert pipeline.transformer.config.in_channels == 16


def test_the_vace_head_is_small_and_beside_the_base():
    (head,) = (FOLDER.parent / "wan-tiny-vace").glob("*.safetensors")
    assert head.stat().st_size < 9_000_000
