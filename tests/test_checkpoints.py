"""Every official spec, fetched from a hub on this machine and run by the shell to an MP4."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from huggingface_hub import constants

from tests import replicas
from tests.hub.server import HubServer
from tests.makers import grays, noise, save_video
from wan_demo import catalog
from wan_demo.cli import main
from wan_demo.domain.model import ModelSpec
from wan_demo.domain.request import Task
from wan_demo.domain.source import Source

SPECS = [s for s in catalog.MODELS if not (s.bundled or s.weights.replaced or s.weights.loras)]
CASES = [(spec, task) for spec in SPECS for task in spec.tasks]


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Iterator[HubServer]:
    root = tmp_path_factory.mktemp("repos")
    with HubServer(root) as server:
        for spec in SPECS:
            base = spec.weights.base
            assert isinstance(base, Source)
            replicas.publish(spec, root / base.repo)
            if base.commit:
                server.pinned[base.repo] = base.commit
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


def command(spec: ModelSpec, task: Task, folder: Path) -> list[str]:
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
        *("--width", side, "--height", side, "--num-frames", "5", "--steps", "2", *media),
        *("--output", str(folder / "made.mp4")),
    ]


@pytest.mark.parametrize(("spec", "task"), CASES, ids=lambda value: getattr(value, "id", value))
def test_the_shell_fetches_and_runs_every_task_of_every_spec(spec, task, tmp_path, hub, capsys):
    assert main(command(spec, task, tmp_path)) == 0, capsys.readouterr().err
    with av.open(str(tmp_path / "made.mp4")) as clip:
        assert len(list(clip.decode(video=0))) == 5


def test_what_is_here_is_not_asked_for_again(hub, tmp_path, capsys):
    spec = catalog.find("wan2.1-t2v-1.3b")
    assert main(["models", "download", spec.id]) == 0
    hub.requests.clear()
    assert main(["models", "download", spec.id]) == 0
    assert main(command(spec, Task.TEXT_TO_VIDEO, tmp_path)) == 0
    assert hub.requests == []
