"""What needs no root: the Dockerfile's and the compose file's own words, and how they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2b_dockerfile_utils import parse_dockerfile_ast

from tests.image import pip_here
from tests.image.base import NoStandIn, make_base
from tests.image.build import Build
from tests.image.conftest import FOLDER
from tests.image.context import Context
from tests.image.dockerfile import DockerfileError
from tests.image.sandbox import Bind
from wan_demo.bootstrap.server import STOP_SECONDS
from wan_demo.cli.serve import SHUTDOWN_SECONDS
from wan_demo.settings import Settings

TEXTS = {
    name: (FOLDER / name).read_text() for name in ("Dockerfile", "compose.yaml", ".dockerignore")
}
COMPOSE = yaml.safe_load(TEXTS["compose.yaml"])
PREFIX = "WAN_DEMO_"
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]


def _words(name: str) -> list[str]:
    """Of all instructions of that name in the Dockerfile."""
    parsed = parse_dockerfile_ast(TEXTS["Dockerfile"]).instructions
    return [word for step in parsed if step.name == name for word in step.args]


def _building(folder: Path, *lines: str) -> Build:
    (folder / "Dockerfile").write_text("\n".join(lines))
    (folder / ".dockerignore").touch()
    (folder / "scratch").mkdir()
    return Build(folder, folder / "scratch", {})


@pytest.mark.parametrize(
    "line",
    [
        *("ADD a b", 'SHELL ["/bin/bash", "-c"]', "ONBUILD RUN true", "ENTRYPOINT app"),
        *("RUN --mount=type=cache,target=/x true", "COPY --link a b", "HEALTHCHECK NONE"),
        *("HEALTHCHECK --start-interval=1s CMD true", "RUN <<END\ntrue\nEND"),
    ],
)
def test_what_is_not_known_is_an_error(tmp_path: Path, line: str):
    with pytest.raises(DockerfileError, match=re.escape(line.split("\n")[0])):
        _building(tmp_path, "FROM scratch", line).image()


def test_so_is_what_is_no_dockerfile(tmp_path: Path):
    with pytest.raises(DockerfileError, match="unknown instruction: NOSUCH"):
        _building(tmp_path, "FROM scratch", "NOSUCH thing").image()


@pytest.mark.parametrize("line", ["FROM --platform=linux/amd64 scratch", "FROM scratch AS"])
def test_so_is_a_base_with_more_to_it(tmp_path: Path, line: str):
    with pytest.raises(DockerfileError):
        _building(tmp_path, line).image()


def test_a_base_without_a_stand_in_is_refused(tmp_path: Path):
    with pytest.raises(NoStandIn, match=r"^python:3\.12-slim: only"):
        make_base("python:3.12-slim", tmp_path / "base")


def test_a_user_that_the_image_does_not_know_is_refused(tmp_path: Path):
    build = _building(tmp_path, "FROM scratch AS files", "FROM files", "USER nobody")
    (build.image("files").root / "etc").mkdir()
    (build.image("files").root / "etc" / "passwd").write_text("ada:x:1000:1000::/:/bin/sh\n")
    with pytest.raises(KeyError, match="no user nobody"):
        build.image()


def test_only_what_a_target_needs_is_made(tmp_path: Path):
    broken = ("FROM scratch AS broken", "ADD a b")
    last = ("FROM scratch AS last", "ENV A=$B B=2", "ENV C=$B")
    image = _building(tmp_path, *broken, *last).image()
    assert {name: image.environment[name] for name in "ABC"} == {"A": "", "B": "2", "C": "2"}


@pytest.mark.parametrize(
    ("path", "is_sent"),
    [
        *(("app.py", True), ("wan_demo/worker.py", True), ("wan_demo/ui/static/plan.js", True)),
        *((".env", False), ("wan_demo/.env", False), ("wan_demo/ui/.secret/key", False)),
        *((".git/config", False), ("data/secret", False), ("tests/makers.py", False)),
        *((".venv/bin/python", False), ("wan_demo/__pycache__/x.pyc", False), ("Makefile", False)),
    ],
)
def test_secrets_data_and_tests_are_not_sent_to_docker(path: str, is_sent: bool):
    assert Context(FOLDER).has(path) is is_sent


def test_files_of_the_context_are_those_that_are_not_ignored():
    files = [*Context(FOLDER).files()]
    assert {path.split("/")[0] for path in files} == {
        *("app.py", "requirements.txt", "constraints.txt", "LICENSE", "wan_demo", "assets")
    }
    assert all(Context(FOLDER).has(path) for path in files)
    assert "wan_demo/ui/static/plan.js" in files


def test_no_registry_of_packages_is_named():
    """TORCH_INDEX and pip's own configuration do that."""
    hosts = {host for text in TEXTS.values() for host in re.findall(r"https?://([\w.-]+)", text)}
    assert hosts <= {"127.0.0.1"}


@pytest.mark.parametrize("name", SERVICES)
def test_the_compose_file_fits_the_image(name: str):
    service = SERVICES[name]
    mounted = {volume.partition(":")[2]: volume.partition(":")[0] for volume in service["volumes"]}
    assert {*mounted} == {*_words("VOLUME")}
    assert {*mounted.values()} == {*COMPOSE["volumes"]}
    assert [port.rpartition(":")[2] for port in service["ports"]] == _words("EXPOSE")
    assert service["build"]["target"] in _words("FROM")
    grace = float(service["stop_grace_period"].removesuffix("s"))
    assert grace >= 2 * (STOP_SECONDS + SHUTDOWN_SECONDS)


def test_the_cpu_is_the_default_of_both():
    assert _words("FROM")[-1] == "cpu"
    assert [name for name, service in SERVICES.items() if "profiles" not in service] == ["cpu"]


@pytest.mark.parametrize("name", SERVICES)
def test_the_compose_file_hands_every_setting_on_and_holds_none(name: str):
    """But for those that the image fixes, and what is no setting of a server for people."""
    fixed = {word for word in _words("ENV") if word.startswith(PREFIX)}
    left_out = {f"{PREFIX}{field}" for field in ("ENGINE", "FAKE_STEP_SECONDS", "SHARE")}
    named = SERVICES[name]["environment"]
    assert {*named} == {"HF_TOKEN", "HF_ENDPOINT", *(_settings() - fixed - left_out)}
    assert fixed < _settings()


def _settings() -> set[str]:
    return {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}


LISTED = """
global.find-links='/nowhere/wheels'
install.no-binary='a\\nb'
freeze.user='true'
global.timeout='15'
:env:.timeout='60'
"""


def test_pips_settings_are_those_that_count_for_an_installation():
    assert pip_here._settings(LISTED) == {
        "find-links": "/nowhere/wheels",
        "timeout": "60",
        "no-binary": "a\nb",
    }


def test_what_pip_finds_on_this_disk_is_lent(tmp_path: Path):
    """With an index come the files that its pages link to."""
    (tmp_path / "index" / "simple").mkdir(parents=True)
    binds: list[Bind] = []
    index = f"file://{tmp_path}/index/simple"
    assert pip_here._moved("extra-index-url", index, binds) == "file:///run/pip/0/simple"
    assert pip_here._moved("find-links", str(tmp_path), binds) == "/run/pip/1"
    assert pip_here._moved("find-links", "/nowhere/wheels", binds) == "/nowhere/wheels"
    assert pip_here._moved("index-url", "https://packages.example/simple", binds).endswith("simple")
    assert binds == [Bind(tmp_path / "index", "/run/pip/0"), Bind(tmp_path, "/run/pip/1")]
