"""A hub with one small repo that is shaped like a diffusers checkpoint, and an empty cache."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.hub.server import HubServer
from wan_demo.domain.source import Source
from wan_demo.hub.connection import Patience
from wan_demo.hub.download import fetch

REPO = "tiny/wan"
SOURCE = Source(REPO)
WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
WEIGHT_BYTES = 600_000
HURRIED = Patience(attempts=3, first_wait=0.01, longest_wait=0.2, silence=2)

Fetch = Callable[..., Path]


def write_repo(folder: Path, seed: int = 0) -> None:
    """A checkpoint of two components, and what such repos hold besides."""
    rng = random.Random(seed)
    files = {
        "model_index.json": json.dumps({"_class_name": "WanPipeline"}).encode(),
        "README.md": b"# A model",
        "transformer/config.json": json.dumps({"seed": seed}).encode(),
        WEIGHTS: rng.randbytes(WEIGHT_BYTES),
        "vae/config.json": b"{}",
        "vae/diffusion_pytorch_model.safetensors": rng.randbytes(2_000),
        "tokenizer/spiece.model": rng.randbytes(500),
        "assets/clip.mp4": b"a film",
        "vae/diffusion_pytorch_model.bin": b"a pickle",
    }
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No token of the person who runs the tests goes anywhere."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of repos, for all tests: not to be written to."""
    folder = tmp_path_factory.mktemp("repos")
    write_repo(folder / REPO)
    return folder


@pytest.fixture
def hub(published: Path) -> Iterator[HubServer]:
    with HubServer(published) as server:
        yield server


@pytest.fixture
def repo(hub: HubServer, tmp_path: Path) -> Path:
    """The repo's folder on the hub, as a copy that a test may change."""
    hub.root = shutil.copytree(hub.root, tmp_path / "repos")
    return hub.root / REPO


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The cache's folder."""
    return tmp_path / "cache"


@pytest.fixture
def get(hub: HubServer, root: Path) -> Fetch:
    """``fetch`` from that hub to that cache."""

    def get(
        source: Source = SOURCE,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
        stopped: Callable[[], bool] = lambda: False,
        patience: Patience = HURRIED,
    ) -> Path:
        return fetch(
            source, on_progress, stopped, root=root, endpoint=hub.endpoint, patience=patience
        )

    return get
