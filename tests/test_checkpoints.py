"""Every spec of the hub, fetched from one on this machine and run by the shell to an MP4."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from huggingface_hub import constants

from tests import checkpoints
from tests.hub.server import HubServer
from tests.makers import grays, noise, save_video
from wan_demo import catalog
from wan_demo.cli import main
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.media.encode import read_metadata

pytestmark = pytest.mark.usefixtures("plenty_of_memory")

SPECS = [spec for spec in catalog.MODELS if not spec.bundled]
LIGHTNING = "wan2.2-t2v-a14b-lightning"
CASES = [(spec, task) for spec in SPECS for task in spec.tasks]


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Iterator[HubServer]:
    root = tmp_path_factory.mktemp("repos")
    with HubServer(root) as server:
        checkpoints.serve(SPECS, server)
        yield server


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _home(monkeypatch, hub: HubServer, cache: Path) -> None:
    template = f"{hub.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)  # as HF_ENDPOINT would at a start
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))


def command(spec: ModelSpec, task: Task, folder: Path, steps: int = 2) -> list[str]:
    multiple = spec.limits.size_multiple
    side = str(-(-spec.limits.min_side // multiple) * multiple)
    files = {"image": "first.png", "last_image": "last.png", "video": "clip.mp4"}
    for name in ("first.png", "last.png"):
        noise((64, 64)).save(folder / name)
    save_video(folder / "clip.mp4", grays(20))
    media = [
        word
        for name in spec.needs(task)
        for word in (f"--{name.replace('_', '-')}", str(folder / files[name]))
    ]
    return [
        *("generate", "--task", task, "--model", spec.id, "--prompt", "a fox", "--device", "cpu"),
        *("--width", side, "--height", side, "--num-frames", "5", *media),
        *(["--steps", str(steps)] if steps else []),
        *("--output", str(folder / "made.mp4")),
    ]


@pytest.mark.parametrize(("spec", "task"), CASES, ids=lambda value: getattr(value, "id", value))
def test_the_shell_fetches_and_runs_every_task_of_every_spec(spec, task, tmp_path, hub, capsys):
    assert main(command(spec, task, tmp_path)) == 0, capsys.readouterr().err
    with av.open(str(tmp_path / "made.mp4")) as clip:
        assert len(list(clip.decode(video=0))) == 5


@pytest.mark.parametrize("base", ["wan2.2-t2v-a14b", "wan2.2-i2v-a14b-gguf"])
def test_the_lightning_preset_makes_of_the_base_what_its_own_spec_is(base, tmp_path, hub, capsys):
    """Over the base's weights and over quantized ones, with the pair from the hub."""
    spec = catalog.find(base)
    run = [*command(spec, spec.tasks[0], tmp_path, steps=0), "--preset", "lightning"]
    assert main(run) == 0, capsys.readouterr().err
    made = read_metadata(tmp_path / "made.mp4")
    assert made["request"]["num_inference_steps"] == 4
    assert (made["request"]["guidance_scale"], made["request"]["guidance_scale_2"]) == (1, 1)
    assert (made["scheduler"], made["flow_shift"]) == ("euler", "5")
    pair = catalog.find(base.replace("-gguf", "") + "-lightning").weights.loras
    for part, source in pair.items():
        content = (hub.root / source.repo / source.patterns[0]).read_bytes()
        told = f"sha256:{hashlib.sha256(content).hexdigest()} x 1, {source.repo}@"
        assert made[f"{part}_lora_1"].startswith(told)


def test_the_preset_gives_the_frames_of_the_lightning_spec(tmp_path, capsys):
    """The same files over the same base, merged in at load there and put on for a request here."""
    frames = []
    for model, preset in (("wan2.2-t2v-a14b", ["--preset", "lightning"]), (LIGHTNING, [])):
        run = command(catalog.find(model), Task.TEXT_TO_VIDEO, tmp_path, steps=0)
        assert main([*run, *preset, "--seed", "1"]) == 0, capsys.readouterr().err
        with av.open(str(tmp_path / "made.mp4")) as clip:
            frames.append([frame.to_ndarray() for frame in clip.decode(video=0)])
    assert np.array_equal(*frames)


def test_what_is_here_is_not_asked_for_again(hub, tmp_path, capsys):
    spec = catalog.find("wan2.1-t2v-1.3b")
    assert main(["models", "download", spec.id]) == 0
    hub.requests.clear()
    assert main(["models", "download", spec.id]) == 0
    assert main(command(spec, Task.TEXT_TO_VIDEO, tmp_path)) == 0
    assert hub.requests == []
