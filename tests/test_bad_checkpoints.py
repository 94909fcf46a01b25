"""Checkpoints that must not be used, as strangers may hand them to the shell and to the server.

Each is refused in one sentence by both, no code of it runs, and the model that is in memory makes
the same frames from the same weights afterwards. Which faults are seen where, one by one, is in
``tests/engine/pipelines/test_bad_*.py``, ``test_gguf_header.py`` and ``tests/hub``.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from tests import checkpoints, lora_files
from tests.hub.server import HubServer
from wan_demo import catalog
from wan_demo.bootstrap import is_available, make_locate
from wan_demo.cli import main
from wan_demo.domain.job import Status
from wan_demo.domain.source import Source
from wan_demo.engine.pipelines.engine import PipelineEngine
from wan_demo.errors import InvalidRequest
from wan_demo.jobs.memory import MemoryJobStore
from wan_demo.media.folder import DataFolder
from wan_demo.media.loras import LoraFolder
from wan_demo.service import Loras, Service
from wan_demo.settings import Settings
from wan_demo.worker import Worker

pytestmark = pytest.mark.usefixtures("plenty_of_memory")

GOOD, BAD, BAD_GGUF = "wan2.1-t2v-1.3b", "wan2.1-t2v-14b", "wan2.1-t2v-14b-gguf"
FOLDER = catalog.find(BAD).weights.name
ASKED = {"width": 256, "height": 256, "num_frames": 5, "num_inference_steps": 1, "seed": 1}


class Canary:
    """Leaves a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.path, "I ran"))


@dataclass(frozen=True)
class Stage:
    """What a row of the table may spoil: the hub, and a folder of LoRA files."""

    hub: HubServer
    files: Path
    canary: Path

    @property
    def folder(self) -> Path:
        """The bad model's repo."""
        return self.hub.root / FOLDER

    @property
    def weights(self) -> Path:
        """Its transformer's file."""
        return next((self.folder / "transformer").glob("*.safetensors"))

    @property
    def gguf(self) -> Path:
        """Its quantized transformer's file."""
        source = catalog.find(BAD_GGUF).weights.replaced["transformer"]
        assert isinstance(source, Source)
        return self.hub.root / source.repo / source.patterns[0]

    def code(self, place: Path) -> None:
        """A module that leaves a file when it is imported."""
        place.write_text(
            f"import pathlib\npathlib.Path({str(self.canary)!r}).write_text('I ran')\n"
        )


def only_bin(at: Stage) -> None:
    at.weights.unlink()
    torch.save(Canary(at.canary), at.folder / "transformer" / "diffusion_pytorch_model.bin")


def pickle_by_another_name(at: Stage) -> None:
    at.weights.write_bytes(pickle.dumps(Canary(at.canary)))


def hostile_index(at: Stage) -> None:
    at.code(at.folder / "pipeline.py")
    change(at.folder / "model_index.json", _class_name=["pipeline", "Evil"])


def custom_code(at: Stage) -> None:
    at.code(at.folder / "text_encoder" / "evil.py")
    change(at.folder / "text_encoder" / "config.json", auto_map={"AutoModel": "evil.Evil"})


def cut_safetensors(at: Stage) -> None:
    at.weights.write_bytes(at.weights.read_bytes()[:-1000])


def cut_gguf(at: Stage) -> None:
    at.gguf.write_bytes(at.gguf.read_bytes()[:-1000])


def wrong_shapes(at: Stage) -> None:
    state = load_file(at.weights)
    save_file(state | {"proj_out.weight": torch.zeros(64, 16)}, at.weights, {"format": "pt"})


def lora_of_another_size(at: Stage) -> None:
    state = {
        "diffusion_model.blocks.0.self_attn.q.lora_down.weight": torch.ones(4, 64),
        "diffusion_model.blocks.0.self_attn.q.lora_up.weight": torch.ones(64, 4),
    }
    save_file(state, at.files / "bad.safetensors")


def lora_with_nan(at: Stage) -> None:
    folder = at.hub.root / catalog.find(GOOD).weights.name
    pairs = lora_files.matrices(checkpoints.transformer(catalog.find(GOOD), folder))
    next(iter(pairs.values()))[0][0, 0] = float("nan")
    lora_files.write(at.files / "bad.safetensors", pairs, "lightx2v")


def pickled_lora(at: Stage) -> None:
    (at.files / "bad.safetensors").write_bytes(pickle.dumps(Canary(at.canary)))


def lora_by_pickles_name(at: Stage) -> None:
    torch.save(Canary(at.canary), at.files / "bad.pt")


def hostile_list(at: Stage) -> None:
    def add(answer: dict[str, Any]) -> None:
        sibling = {"rfilename": "../../evil.safetensors", "size": 1, "blobId": "0" * 40}
        answer["siblings"].append(sibling)

    at.hub.edit = add


def nothing(_at: Stage) -> None:
    """The name alone is the fault."""


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@dataclass(frozen=True)
class Row:
    """A bad checkpoint: how it comes to be, what is asked for, and what is said."""

    spoil: Callable[[Stage], None]
    said: str
    model: str = BAD
    lora: str | None = None
    file: str | None = field(default=None)
    """A file of ``Stage.files`` as the LoRA: the shell names its path, the page its name."""


ROWS = {
    "only .bin weights": Row(only_bin, "can carry code and is never loaded"),
    "a pickle that is called safetensors": Row(pickle_by_another_name, "is a pickle"),
    "a hostile model_index.json": Row(hostile_index, "names a pipeline of its own"),
    "custom code": Row(custom_code, "asks for code of its own"),
    "truncated safetensors": Row(cut_safetensors, "cut short"),
    "truncated GGUF": Row(cut_gguf, "cut short", model=BAD_GGUF),
    "wrong shapes": Row(wrong_shapes, "weights of another shape, proj_out.weight"),
    "a LoRA for another base": Row(
        lora_of_another_size, "made for a model of another size", GOOD, file="bad.safetensors"
    ),
    "a LoRA with NaN": Row(lora_with_nan, "holds NaN", GOOD, file="bad.safetensors"),
    "a LoRA that is a pickle": Row(pickled_lora, "is a pickle", GOOD, file="bad.safetensors"),
    "a LoRA by a pickle's name": Row(
        lora_by_pickles_name, "can run code of its own", GOOD, file="bad.pt"
    ),
    "a path in a repo's list": Row(hostile_list, "a file name that is not safe"),
    "a path in a repo's id": Row(
        nothing, "must name a file of the data folder's loras/", GOOD, lora="owner/../../etc/x"
    ),
    "a path for a model": Row(nothing, "must be one of", model="../../etc"),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> HubServer:
    """Sound repos of all that the table spoils; not to be written to."""
    hub = HubServer(tmp_path_factory.mktemp("repos"))
    checkpoints.serve([catalog.find(one) for one in (GOOD, BAD, BAD_GGUF)], hub)
    return hub


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def hub(monkeypatch, published: HubServer, cache: Path, tmp_path) -> Iterator[HubServer]:
    """A hub of copies, and a cache that has the good model only."""
    with HubServer(shutil.copytree(published.root, tmp_path / "repos")) as server:
        server.pinned = published.pinned
        template = f"{server.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", server.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
        yield server
    for source in catalog.find(BAD_GGUF).weights.sources:
        shutil.rmtree(cache / f"models--{source.repo.replace('/', '--')}", ignore_errors=True)


@pytest.fixture
def stage(hub: HubServer, tmp_path) -> Stage:
    files = tmp_path / "files"
    files.mkdir()
    return Stage(hub, files, tmp_path / "canary")


class Server:
    """The service and the worker of a server, which keeps its model in memory."""

    def __init__(self, folder: DataFolder) -> None:
        self.folder = folder
        loras = Loras(LoraFolder(folder.loras))
        store = MemoryJobStore()
        self.engine: Any = PipelineEngine(
            catalog.find, make_locate(Settings()), "cpu", locate_loras=loras.files.worn
        )
        self._service = Service(store, folder, GOOD, is_available, loras=loras)
        self._worker = Worker("test", store, self.engine, folder)
        self._before: tuple[str, str] | None = None

    def make(self, model: str = GOOD, lora: str | None = None) -> Path | str:
        """The finished clip, or the sentence that a person reads instead."""
        given = {"task": "text_to_video", "prompt": "a fox", "model": model, "loras": lora, **ASKED}
        try:
            job = self._service.submit(given, "ada")
        except InvalidRequest as refusal:
            return str(refusal)
        assert self._worker.run_once()
        job = self._service.get(job.id, "ada")
        if job.failure is not None:
            assert job.status is Status.FAILED
            return job.failure.message
        return self.folder.video(job.outputs[0].file)

    def before(self) -> tuple[str, str]:
        """``state`` when nothing bad had come yet."""
        self._before = self._before or self.state()
        return self._before

    def state(self) -> tuple[str, str]:
        """What the good model makes, and the SHA-256 of its weights in memory."""
        made, weights = self.make(), hashlib.sha256()
        assert isinstance(made, Path), made
        for part in self.engine._loaded.parts.values():
            for name, tensor in getattr(part, "state_dict", dict)().items():
                numbers = tensor.contiguous().view(torch.uint8).numpy()
                weights.update(name.encode() + numbers.tobytes())
        return hashlib.sha256(frames(made).tobytes()).hexdigest(), weights.hexdigest()


def frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as clip:
        return np.stack([frame.to_ndarray() for frame in clip.decode(video=0)])


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Server:
    return Server(DataFolder(tmp_path_factory.mktemp("data")).create())


def shell(row: Row, stage: Stage, output: Path) -> int:
    asked = {"model": row.model, "prompt": "a fox", "device": "cpu", "output": output, **ASKED}
    lora = str(stage.files / row.file) if row.file else row.lora
    flags = [text for name, value in asked.items() for text in (_flag(name), str(value))]
    return main(["generate", *flags, *(["--lora", lora] if lora else [])])


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_the_shell_refuses_it(row, stage, tmp_path, capsys):
    row.spoil(stage)
    assert shell(row, stage, tmp_path / "made.mp4") in (1, 2)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    check(row, stage, said.rstrip("\n"))
    assert not (tmp_path / "made.mp4").exists()


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_the_server_refuses_it_and_its_model_is_as_before(row, stage, server):
    before = server.before()
    row.spoil(stage)
    for path in stage.files.iterdir():
        shutil.copy(path, server.folder.loras)
    said = server.make(row.model, row.file or row.lora)
    assert isinstance(said, str)
    check(row, stage, said)
    assert server.state() == before


def check(row: Row, stage: Stage, said: str) -> None:
    """One sentence for a person: no traceback, no path of this machine, and no code was run."""
    assert row.said in said
    assert said.endswith(".")
    assert "\n" not in said
    assert len(said) < 1500 if row.said == "must be one of" else len(said) < 400
    assert "Traceback" not in said
    assert str(stage.files.parent) not in said
    assert not stage.canary.exists()


@pytest.mark.parametrize("model", [BAD, BAD_GGUF])
def test_what_the_table_spoils_is_sound_before(model, server):
    assert isinstance(server.make(model), Path)
    assert isinstance(catalog.find(model).weights.base, Source)
