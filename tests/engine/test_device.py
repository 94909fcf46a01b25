from __future__ import annotations

import platform

import pytest

from wan_demo.engine import device as module
from wan_demo.engine.device import Device, detect


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """A driver's tool that answers with the given script's output."""

    def make(script: str) -> None:
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(module.shutil, "which", lambda _name: str(path))

    return make


@pytest.fixture
def no_tool(monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda _name: None)
    monkeypatch.setattr(platform, "system", lambda: "Linux")


def test_the_first_gpu_is_found_with_its_memory(tool):
    tool("echo 'NVIDIA H200, 143771'; echo 'NVIDIA H200, 143771'")
    assert detect() == Device("cuda", "NVIDIA H200", 143771 * 2**20)


@pytest.mark.parametrize("script", ["exit 9", "true", "echo nonsense", "echo 'GPU, many'"])
def test_a_tool_that_finds_none_means_the_cpu(tool, script, monkeypatch):
    tool(script)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    assert detect().kind == "cpu"


def test_without_the_tool_it_is_the_cpu(no_tool):
    assert detect() == Device("cpu", "CPU")


def test_an_apple_gpu_is_found(no_tool, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert detect().kind == "mps"
    assert detect("cpu").kind == "cpu"


def test_a_wish_is_a_wish(tool):
    tool("echo 'GPU, 100'")
    assert detect("cpu").kind == "cpu"
    assert detect("cuda").memory == 100 * 2**20
