"""A person's own models, from models.toml or a path, through the shell to a clip."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Kind
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from tests import checkpoints, gguf_files, replicas
from tests.hub.server import HubServer
from wan_demo import catalog
from wan_demo.cli import main
from wan_demo.domain.source import Source
from wan_demo.media.decode import read_video
from wan_demo.media.encode import read_metadata

pytestmark = pytest.mark.usefixtures("plenty_of_memory")

TINY_FOLDER = catalog.ASSETS / "wan-tiny"
DATA = Path("data")


@pytest.fixture(scope="module")
def tiny() -> dict[str, torch.Tensor]:
    """The bundled model's transformer."""
    weights: dict[str, torch.Tensor] = {}
    for shard in sorted((TINY_FOLDER / "transformer").glob("*.safetensors")):
        weights |= load_file(shard)
    return weights


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Iterator[HubServer]:
    root = tmp_path / "repos"
    root.mkdir()
    with HubServer(root) as server:
        template = f"{server.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", server.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        yield server


@pytest.fixture(autouse=True)
def _data() -> None:
    DATA.mkdir()


def own(**keys: str) -> None:
    lines = [f"{key} = '{value}'" for key, value in keys.items()]
    (DATA / "models.toml").write_text("\n".join(["[[model]]", "id = 'mine'", *lines, ""]))


def made(model: str = "mine", *more: str) -> dict[str, Any]:
    """The metadata of a clip made with a model."""
    small = ["--width", "64", "--height", "64", "--num-frames", "9", "--steps", "2", *more]
    wanted = ["--prompt", "a red circle", "--seed", "1", "--device", "cpu", *small]
    place = ["--data-dir", str(DATA), "--output", "clip.mp4"]
    assert main(["generate", "--model", model, *wanted, *place]) == 0
    return read_metadata(Path("clip.mp4"))


def frames() -> np.ndarray:
    return read_video(Path("clip.mp4"), (64, 64), 9, 8).astype(int)


def test_a_folder_makes_a_clip_of_its_own(hub):
    replicas.publish(catalog.find("wan2.1-t2v-1.3b"), DATA / "replica")
    own(base="wan2.1-t2v-1.3b", folder="replica")
    sized = ["--width", "256", "--height", "256", "--num-frames", "5"]
    told = made("mine", *sized)
    assert told["request"]["model"] == "mine"
    with av.open("clip.mp4") as clip:
        assert len(list(clip.decode(video=0))) == 5
    assert hub.requests == []


def test_a_single_file_takes_the_place_of_the_bases_transformer(tiny):
    made("wan-tiny")
    plain = frames()
    save_file(tiny, DATA / "same.safetensors")
    own(base="wan-tiny", transformer="same.safetensors")
    same = made()
    assert (frames() == plain).all()
    save_file({k: v + 0.05 * v.std() for k, v in tiny.items()}, DATA / "other.safetensors")
    own(base="wan-tiny", transformer=str((DATA / "other.safetensors").absolute()))
    assert made()["model_revision"] != same["model_revision"]
    assert np.abs(frames() - plain).mean() > 1


def test_a_gguf_stays_near_the_weights_that_it_was_made_of(tiny):
    made("wan-tiny")
    plain = frames()
    gguf_files.write(DATA / "mine-Q8_0.gguf", tiny, Kind.Q8_0)
    own(base="wan-tiny", transformer="mine-Q8_0.gguf")
    made()
    assert 0 < np.abs(frames() - plain).mean() < 8


def test_two_experts_in_gguf_over_a_base_of_the_hub(hub):
    spec = catalog.find("wan2.2-t2v-a14b")
    base = spec.weights.base
    assert isinstance(base, Source)
    folder = replicas.publish(spec, hub.root / base.repo)
    hub.pinned[base.repo] = base.revision
    for part in ("transformer", "transformer_2"):
        weights = checkpoints.transformer(spec, folder, part).state_dict()
        gguf_files.write(DATA / f"{part}-Q8_0.gguf", weights, Kind.Q8_0)
        checkpoints.without_weights(folder / part)
    files = {part: f"{part}-Q8_0.gguf" for part in ("transformer", "transformer_2")}
    own(base=spec.id, **files)
    sized = ["--width", "256", "--height", "256", "--num-frames", "5"]
    assert made("mine", *sized)["request"]["guidance_scale_2"] == 3.0


def test_a_repo_of_the_hub_is_fetched(hub, capsys):
    replicas.publish(catalog.find("wan2.1-t2v-1.3b"), hub.root / "ada" / "mine")
    own(base="wan2.1-t2v-1.3b", repo="ada/mine")
    place = ["--data-dir", str(DATA)]
    assert main(["models", "download", "mine", *place]) == 0
    capsys.readouterr()
    assert main(["models", "info", "mine", "--json", *place]) == 0
    assert json.loads(capsys.readouterr().out)["available"] is True
    made("mine", "--width", "256", "--height", "256", "--num-frames", "5")


@pytest.mark.parametrize("name", ["folder", "file"])
def test_a_path_is_enough_where_its_sizes_are_known(tiny, name):
    path = TINY_FOLDER
    if name == "file":
        path = DATA / "wan-tiny.safetensors"
        save_file(tiny, path)
    told = made(str(path))
    assert told["request"]["model"] == "local-wan-tiny"
    assert main(["verify", "clip.mp4", "--model", str(path)]) == 0


def test_a_path_of_something_else_is_one_sentence(capsys):
    wanted = ["--prompt", "a", "--output", "clip.mp4"]
    assert main(["generate", "--model", str(DATA), *wanted]) == 2
    said = capsys.readouterr().err
    assert said.startswith("model: can't be used: transformer/config.json is missing")
    assert said.count("\n") == 1


def test_a_folder_that_is_not_whole_fails_with_what_is_missing(capsys):
    (DATA / "half" / "transformer").mkdir(parents=True)
    own(base="wan-tiny", folder="half", title="Half")
    wanted = ["--prompt", "a", "--output", "clip.mp4", "--data-dir", str(DATA)]
    assert main(["generate", "--model", "mine", *wanted]) == 1
    said = capsys.readouterr().err
    assert said == "The weights of Half can't be used: tokenizer/ is missing.\n" or (
        said.startswith("The weights of Half can't be used: ") and said.count("\n") == 1
    )


def test_a_pickle_under_another_name_is_refused(capsys):
    (DATA / "mine.safetensors").write_bytes(b"PK\x03\x04" + b"\0" * 64)
    own(base="wan-tiny", transformer="mine.safetensors")
    wanted = ["--prompt", "a", "--output", "clip.mp4", "--data-dir", str(DATA)]
    assert main(["generate", "--model", "mine", *wanted]) == 1
    assert "mine.safetensors can't be used: it is a pickle" in capsys.readouterr().err


def test_the_list_has_them_and_tells_faults_apart(capsys):
    save_file({"a": torch.zeros(1)}, DATA / "mine.safetensors")
    own(base="wan-tiny", transformer="mine.safetensors")
    with (DATA / "models.toml").open("a") as file:
        file.write("[[model]]\nid = 'bad'\nbase = 'nothing'\n")
    assert main(["models", "--data-dir", str(DATA)]) == 0
    said = capsys.readouterr()
    assert any(line.startswith("mine ") and "ready" in line for line in said.out.splitlines())
    assert said.err.startswith("models.toml, model 'bad': base: must be one of ")
    assert main(["models", "--json", "--data-dir", str(DATA)]) == 0
    row = json.loads(capsys.readouterr().out)[-1]
    assert (row["id"], row["files"]) == ("mine", {"transformer": "mine.safetensors"})
