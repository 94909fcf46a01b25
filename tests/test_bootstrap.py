from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag

import pytest
from fastapi.testclient import TestClient

from scripts import memory_table
from tests.makers import request
from wan_demo import bootstrap, catalog, cli
from wan_demo.api.crowd import WATCH_BURST
from wan_demo.bootstrap import (
    DataFolderBusy,
    default_model,
    is_available,
    make_locate,
    models,
    server,
    service,
    workers,
)
from wan_demo.bootstrap.safety import make_safety
from wan_demo.cli.options import settings_of
from wan_demo.domain.job import Status
from wan_demo.domain.model import Weights
from wan_demo.engine.device import Device
from wan_demo.engine.fake import FakeEngine
from wan_demo.engine.machine import Watch
from wan_demo.engine.memory import GIB, best_for, plenty
from wan_demo.errors import InvalidRequest, ModelUnavailable
from wan_demo.jobs.sql import SqlJobStore, connect, sqlite_url
from wan_demo.media.folder import DataFolder
from wan_demo.media.loras import LoraFolder
from wan_demo.media.uploads import Uploads
from wan_demo.service import Loras
from wan_demo.settings import Settings
from wan_demo.worker import Worker

ROOT = Path(__file__).resolve().parents[1]
CPU = Device("cpu", "CPU")
QUIETLY = (lambda _done, _total: None, lambda: False)
GPU = Device("cuda", "Big GPU", 80 * GIB)


def test_the_server_and_the_command_line_import_neither_torch_nor_gradio():
    code = (
        "import sys, wan_demo.cli, wan_demo.bootstrap; "
        "print([name for name in ('torch', 'diffusers', 'gradio') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("is_shared", [False, True])
def test_the_limits_hold_for_what_comes_through_gradios_tunnel(tmp_path, is_shared):
    app = bootstrap.make_server(Settings(data_dir=tmp_path, engine="fake", share=is_shared))
    tunnel = TestClient(app, client=("127.0.0.1", 1))
    told = {tunnel.head("/health/live").status_code for _ in range(4 * int(WATCH_BURST))}
    assert told == ({200, 429} if is_shared else {200})


def test_the_page_and_all_that_serves_it_come_without_torch(tmp_path):
    code = (
        "import sys; from wan_demo.bootstrap import make_server; "
        "from wan_demo.settings import Settings; "
        "make_server(Settings(data_dir=sys.argv[1])); "
        "print([name for name in ('torch', 'diffusers', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "GRADIO_TEMP_DIR": str(tmp_path)},
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_uploads_have_a_folder_of_the_servers_own_and_go_from_it(tmp_path):
    """What a killed server left there goes once the next one has begun."""
    data, place = tmp_path / "data", tmp_path / "tmp"
    left = Uploads(place, data).create().root / "digest" / "left.mp4"
    left.parent.mkdir()
    left.touch()
    os.utime(left, (0, 0))
    code = (
        "import sys\n"
        "from functools import partial\n"
        "from pathlib import Path\n"
        "from fastapi.testclient import TestClient\n"
        "from gradio.utils import get_upload_folder\n"
        "from tests.makers import until\n"
        "from wan_demo.bootstrap import make_server, server\n"
        "from wan_demo.settings import Settings\n"
        "server.Janitor = partial(server.Janitor, pause=0.01)\n"
        "left = Path(sys.argv[2])\n"
        "app = make_server(Settings(data_dir=sys.argv[1], engine='fake'))\n"
        "with TestClient(app) as client:\n"
        "    until(lambda: not left.exists())\n"
        "    sent = client.post('/gradio_api/upload', files={'files': ('a.mp4', b'new')})\n"
        "    print(get_upload_folder())\n"
        "    print(*sent.json())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(data), str(left)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "GRADIO_TEMP_DIR": str(place)},
    )
    folder, upload = map(Path, done.stdout.splitlines()[-2:])
    assert folder == Uploads(place, data).root
    assert upload.is_relative_to(folder)
    assert upload.read_bytes() == b"new"  # it stays when the server stops


def test_the_bundled_model_is_at_hand_and_the_others_are_not(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert is_available(catalog.BUNDLED)
    locate = make_locate(Settings(downloads=False))
    assert (locate(catalog.BUNDLED, *QUIETLY).folder / "model_index.json").is_file()
    with pytest.raises(ModelUnavailable):
        locate(catalog.find("wan2.1-t2v-1.3b"), *QUIETLY)


def test_a_missing_bundled_model_is_said(monkeypatch, tmp_path):
    gone = replace(catalog.BUNDLED, weights=Weights(base=tmp_path / "wan-tiny"))
    with pytest.raises(ModelUnavailable, match="wan-tiny"):
        make_locate(Settings())(gone, *QUIETLY)


@pytest.mark.parametrize(
    "missing",
    [
        "model_index.json",
        "vae/diffusion_pytorch_model.safetensors",
        "transformer/diffusion_pytorch_model-00002-of-00002.safetensors",
    ],
)
def test_a_folder_that_is_not_whole_is_not_at_hand(tmp_path, missing):
    folder = tmp_path / "wan-tiny"
    shutil.copytree(catalog.ASSETS / "wan-tiny", folder)
    spec = replace(catalog.BUNDLED, weights=Weights(base=folder))
    assert is_available(spec)
    (folder / missing).unlink()
    assert not is_available(spec)


def test_the_model_that_was_asked_for_wins():
    spec, _ = default_model(Settings(model="wan2.1-t2v-1.3b"), CPU, plenty("cpu"))
    assert spec.id == "wan2.1-t2v-1.3b"
    with pytest.raises(InvalidRequest):
        default_model(Settings(model="sora"), CPU, plenty("cpu"))


def test_without_a_gpu_the_bundled_model_is_the_default():
    spec, why = default_model(Settings(), CPU, plenty("cpu"))
    assert spec is catalog.BUNDLED
    assert "no GPU" in why


def test_a_gpu_gets_the_best_that_is_downloaded_and_downloads_nothing(monkeypatch):
    machine = replace(plenty("cuda"), gpu_free=80 * GIB)
    monkeypatch.setattr(models, "is_available", lambda spec: spec.bundled)
    spec, why = default_model(Settings(), GPU, machine)
    assert spec is catalog.BUNDLED
    assert "Wan2.2 T2V A14B" in why
    monkeypatch.setattr(models, "is_available", lambda _spec: True)
    assert default_model(Settings(), GPU, machine)[0].id == "wan2.2-t2v-a14b"
    small = (catalog.BUNDLED.id, "wan2.1-t2v-1.3b")
    monkeypatch.setattr(models, "is_available", lambda spec: spec.id in small)
    assert default_model(Settings(), GPU, machine)[0].id == "wan2.1-t2v-1.3b"


def test_a_gpu_is_offered_what_the_table_of_the_readme_says(monkeypatch):
    monkeypatch.setattr(models, "is_available", lambda _spec: True)
    for gpu, ram in memory_table.CARDS:
        machine = memory_table.card(gpu, ram)
        assert default_model(Settings(), GPU, machine)[0] is best_for(machine)
    tiny = replace(plenty("cuda"), gpu_free=2 * GIB)
    spec, why = default_model(Settings(), GPU, tiny)
    assert spec is catalog.BUNDLED
    assert "the GPU is small" in why


def test_the_worker_decides_by_what_it_measures_and_the_fake_one_does_not(folder, monkeypatch):
    served: list[object] = []
    monkeypatch.setattr(service, "Service", lambda *_, measure, **__: served.append(measure))
    for engine in ("pipeline", "fake"):
        bootstrap.make_one_off(Settings(engine=engine), folder)
    assert isinstance(served[0], Watch)
    assert served[1] is None


def test_the_fake_engine_is_a_setting(folder):
    loras = Loras(LoraFolder(folder.loras))
    assert isinstance(
        bootstrap.make_engine(Settings(engine="fake"), folder.offload, loras), FakeEngine
    )


def test_one_server_per_data_folder(folder):
    first = server.lock_folder(folder)
    with pytest.raises(DataFolderBusy, match="--data-dir"):
        server.lock_folder(folder)
    first.release()
    server.lock_folder(folder).release()


def test_a_start_sweeps_what_no_job_names(folder, store, worker):
    store.add(request(), "ada")
    worker.run_once()
    orphan = folder.video("orphan.mp4")
    orphan.touch()
    server.sweep(store, folder)
    assert not orphan.exists()
    (done,) = store.list("ada")
    assert folder.video(done.outputs[0].file).is_file()


def test_a_start_sweeps_nothing_of_a_worker_that_is_still_at_it(folder, store):
    store.add(request(), "ada")
    store.claim("other-host")
    orphan = folder.video("first-clip.mp4")
    orphan.touch()
    server.sweep(store, folder)
    assert orphan.is_file()


def test_a_new_table_costs_no_videos(folder, store):
    folder.video("old.mp4").touch()
    server.sweep(store, folder)
    assert folder.video("old.mp4").is_file()


def test_a_table_that_cannot_be_read_does_not_end_a_start(folder, store, monkeypatch, caplog):
    def unreadable() -> None:
        raise ValueError("no outputs")

    folder.video("a.mp4").touch()
    monkeypatch.setattr(store, "videos", unreadable)
    server.sweep(store, folder)
    assert folder.video("a.mp4").is_file()
    assert "not swept" in caplog.text


@pytest.mark.parametrize(("is_asked", "end"), [(True, Status.WAITING), (False, Status.FAILED)])
def test_a_worker_on_its_own_gives_its_job_back(folder, monkeypatch, is_asked, end):
    """A stop is no loss; a fault is one, and the job ends at the limit."""
    store = SqlJobStore(connect(sqlite_url(folder.database)))
    settings = Settings(data_dir=folder.root, engine="fake")
    job = store.add(request(), "ada")

    def leave(worker: Worker, stopping: Flag) -> None:
        store.claim(worker.name)
        if is_asked:
            stopping.set()
        raise SystemExit

    monkeypatch.setattr(Worker, "run", leave)
    for _ in range(workers.MAX_LOSSES):
        with pytest.raises(SystemExit):
            bootstrap.run_worker(settings, "gpu1", Flag(), supervised=False)
    found = store.get(job.id)
    assert found is not None
    assert (found.attempt, found.status) == (workers.MAX_LOSSES, end)


def test_a_worker_on_its_own_takes_up_what_one_of_its_name_left(folder, monkeypatch):
    store = SqlJobStore(connect(sqlite_url(folder.database)))
    store.add(request(), "ada")
    store.claim("gpu1")
    waiting: list[int] = []
    monkeypatch.setattr(Worker, "run", lambda *_: waiting.append(store.waiting()))
    settings = Settings(data_dir=folder.root, engine="fake")
    bootstrap.run_worker(settings, "gpu1", Flag(), supervised=False)
    assert waiting == [1]


def test_a_model_that_can_be_no_path_is_no_model(tmp_path):
    with pytest.raises(InvalidRequest, match="must be one of"):
        bootstrap.make_one_off(Settings(model="x" * 5000), DataFolder(tmp_path).create())


@pytest.mark.parametrize("downloads", [True, False])
def test_a_supervised_worker_understands_all_that_the_server_tells_it(
    folder, monkeypatch, downloads
):
    monkeypatch.setenv("WAN_DEMO_DOWNLOADS", "false" if downloads else "true")
    told = Settings(
        data_dir=folder.root,
        downloads=downloads,
        engine="fake",
        fake_step_seconds=0.5,
        hang_seconds=9.0,
        model="x",
    )
    command = server._worker_command(told, folder)
    options = cli._parser().parse([*command[3:], "server:1"])
    settings = settings_of(options)
    assert (options.name, options.supervised) == ("server:1", True)
    assert settings == told


@pytest.mark.parametrize(
    "named", ["nonsense", "nonsense:check", "json:nonsense", "json:__name__", ":"]
)
def test_a_safety_check_that_is_none_is_refused_when_the_server_starts(named):
    with pytest.raises(InvalidRequest, match="safety_check"):
        make_safety(Settings(safety_check=named))


def test_a_safety_check_is_any_callable_by_its_path():
    assert make_safety(Settings(safety_check="json:dumps")).is_on
    assert not make_safety(Settings()).is_on
