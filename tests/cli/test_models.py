from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Terminal, command, environment
from tests.hub.conftest import REPO, WEIGHTS, write_repo
from tests.hub.server import Fault, HubServer
from wan_demo import catalog
from wan_demo.bootstrap import models
from wan_demo.cli import main
from wan_demo.engine.memory import GIB, Machine


@pytest.fixture
def _laptop(monkeypatch):
    """A machine without a GPU, with 24 GB."""
    laptop = Machine("cpu", 0, 0, 24 * GIB, 20 * GIB, 500 * GIB)
    monkeypatch.setattr(models, "Watch", lambda *_: lambda: laptop)


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["models", *arguments]) == 0
    return capsys.readouterr().out


def test_the_list_names_every_model_under_a_head_of_columns(capsys):
    head, *rows = listed(capsys).splitlines()
    assert head.split("  ")[0] == "MODEL"
    assert [row.split()[0] for row in rows[: len(catalog.MODELS)]] == list(catalog.BUILT_IN.ids)


def test_the_list_fits_a_terminal_of_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert max(len(line) for line in listed(capsys).splitlines()) <= 80


def test_the_list_says_which_one_is_taken_unless_another_is_named(capsys, monkeypatch):
    assert "Without --model it is wan-tiny, because " in listed(capsys)
    monkeypatch.setenv("WAN_DEMO_MODEL", "no-such-model")
    assert "Without --model" not in listed(capsys)


def test_json_is_for_programs(capsys):
    rows = json.loads(listed(capsys, "--json"))
    assert [row["id"] for row in rows] == [spec.id for spec in catalog.MODELS]
    assert rows[0]["available"] is True


def test_json_holds_what_a_model_is_run_with_and_what_each_way_to_keep_it_takes(capsys):
    rows = {row["id"]: row for row in json.loads(listed(capsys, "--json"))}
    row = rows["wan2.2-t2v-a14b"]
    assert row["presets"]["Lightning"]["num_inference_steps"] == 4
    assert "high_noise_model" in row["presets"]["Lightning"]["loras"][0]  # and its low half
    assert row["limits"]["max_frames"] % 4 == 1
    ways = {way["profile"]: way for way in row["memory"]}
    assert ways.keys() >= {"resident", "model_offload", "group_offload", "sequential", "disk"}
    assert (ways["resident"]["dtype"], ways["resident"]["vae_dtype"]) == ("bfloat16", "float32")
    needed = [ways[name]["device_bytes"] for name in ("resident", "model_offload", "sequential")]
    assert needed == sorted(needed, reverse=True)
    assert 60e9 < needed[0] < 90e9
    assert [bool(way["disk_bytes"]) for way in row["memory"]] == [
        way["profile"] == "disk" for way in row["memory"]
    ]
    assert all(row["memory"] for row in rows.values())


@pytest.mark.usefixtures("_laptop")
def test_the_list_says_what_fits(capsys):
    rows = {line.split()[0]: line for line in listed(capsys).splitlines() if line}
    assert "fits whole" in rows["wan-tiny"]
    assert re.search(r"needs \d+\.\d GB more", rows["wan2.2-t2v-a14b"])


@pytest.mark.usefixtures("_laptop")
@pytest.mark.parametrize(
    "arguments", [["--json"], ["info", "wan-tiny", "--json"], ["--json", "info", "wan-tiny"]]
)
def test_programs_are_told_what_fits_as_well(capsys, arguments):
    found = json.loads(listed(capsys, *arguments))
    rows = found if isinstance(found, list) else [found]
    for row in rows:
        assert [each["resolution"] for each in row["here"]] == list(row["sizes"])
    assert rows[0]["here"][0]["said"] == "fits whole"
    assert rows[0]["here"][0]["rung"] == "resident, fp32"
    assert rows[0]["here"][0]["missing_bytes"] == 0


@pytest.mark.usefixtures("_laptop")
@pytest.mark.parametrize("spec", catalog.MODELS, ids=lambda spec: spec.id)
def test_a_model_is_told_to_people_in_80_columns(capsys, monkeypatch, spec):
    monkeypatch.setenv("COLUMNS", "80")
    said = listed(capsys, "info", spec.id)
    told = " ".join(said.split())
    for text in (
        spec.title,
        spec.id,
        spec.licence,
        *spec.tasks,
        *(p.name.lower() for p in spec.presets),
    ):
        assert text in told
    for each in spec.resolutions:
        assert f"{each.flow_shift:g} at {each.name}" in told
        assert all(f"{width}x{height}" in told for width, height in each.sizes.values())
    columns = [sum(1 if char.isascii() else 2 for char in line) for line in said.splitlines()]
    assert max(columns) <= 80


@pytest.mark.parametrize("action", ["info", "download"])
@pytest.mark.parametrize(
    ("typed", "meant"),
    [("wan2.1-t2v-1.3", "wan2.1-t2v-1.3b"), ("Wan2.2-TI2V-5B", "wan2.2-ti2v-5b")],
)
def test_a_model_with_a_typo_is_told_the_nearest_ones(capsys, action, typed, meant):
    assert main(["models", action, typed]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"model: must be the id of a model; got '{typed}'. Nearest: {meant}")
    assert said.count("\n") == 1


def test_a_model_like_none_is_told_all(capsys):
    assert main(["models", "info", "sora"]) == 2
    said = capsys.readouterr().err
    assert all(spec.id in said for spec in catalog.MODELS)


class TestDownload:
    @pytest.fixture
    def hub(self, tmp_path) -> Iterator[HubServer]:
        write_repo(tmp_path / "repos" / REPO)
        with HubServer(tmp_path / "repos") as server:
            yield server

    @pytest.fixture
    def home(self, hub, tmp_path) -> dict[str, str]:
        """A model of that hub, and a cache of nobody else."""
        own = f'[[model]]\nid = "mine"\ntitle = "Mine"\nbase = "wan2.1-t2v-1.3b"\nrepo = "{REPO}"\n'
        Path("data").mkdir()
        Path("data/models.toml").write_text(own)
        return {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "home")}

    def test_it_says_what_comes_how_much_and_where_and_goes_on_after_ctrl_c(
        self, hub, home, tmp_path
    ):
        hub.faults.append(Fault(WEIGHTS, bytes_per_second=300_000))
        with Terminal("models", "download", "mine", **home) as terminal:
            terminal.read_until(lambda said: "MB/s" in said)
            terminal.interrupt(signal.SIGINT)
            assert terminal.status() == 130
            said = terminal.said
        cache = tmp_path / "home" / "hub"
        assert f"into {cache}\r\n" in said
        assert said.startswith("Mine: about ")
        assert f"  {REPO}\r\n" in said
        assert re.search(r"\d+\.\d kB to fetch\.\r\n", said)
        assert re.search(r"0\.00 of 0\.00 GB, \d+\.\d MB/s, [\w ]+ left", said)
        assert "What has arrived is kept: the same command goes on from there.\r\n" in said
        assert said.endswith("Stopped.\r\n")

        with Terminal("models", "download", "mine", **home) as terminal:
            assert terminal.status() == 0
            said = terminal.said
        assert re.search(r"kB to fetch; \d+\.\d kB are here, and it goes on from there\.\r\n", said)
        folder = Path(said.split("\r\n")[-2].rpartition("\r")[2])
        assert folder.is_relative_to(cache)
        assert (folder / WEIGHTS).is_file()

        with Terminal("models", "download", "mine", **home) as terminal:
            assert terminal.status() == 0
            assert terminal.said == f"Mine is on this machine already.\r\n{folder}\r\n"

    def test_a_program_gets_the_folder_and_nothing_else(self, hub, home):
        done = subprocess.run(
            command("models", "download", "mine"),
            capture_output=True,
            text=True,
            check=True,
            env=environment(**home),
        )
        assert (Path(done.stdout.removesuffix("\n")) / "model_index.json").is_file()
        assert "\r" not in done.stderr
        assert done.stderr.splitlines()[1:2] == [f"  {REPO}"]
