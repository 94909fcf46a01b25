"""The image: every instruction of the Dockerfile done, looked at, and run as a container.

Docker itself is not needed; the base image's Debian is, from its packages.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import av
import pytest
import yaml

from tests.image.build import Build, BuildFailed
from tests.image.conftest import FOLDER
from tests.image.container import Container, for_itself
from tests.image.dockerfile import DockerfileError
from tests.image.image import Image
from tests.image.sandbox import Sandbox
from tests.makers import until
from wan_demo.media.encode import read_metadata

pytestmark = pytest.mark.timeout(1800)  # installs Debian, torch and the rest

HEALTHY_SECONDS = 300.0
ADDRESS = "http://127.0.0.2:7860"
"""Of the container's loopback, but not what a server answers on that listens at 127.0.0.1 alone."""

SMALL = {"prompt": "a red circle", "num_frames": 9, "num_inference_steps": 3, "seed": 5}
LONG = {"prompt": "a blue star", "num_inference_steps": 16, "seed": 6}
FIGURES = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:7860/metrics').read().decode())"
)


@pytest.fixture(scope="module")
def image(build: Build) -> Image:
    return build.image()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the container's volumes and log lie."""
    return tmp_path_factory.mktemp("container")


@pytest.fixture(scope="module")
def container(image: Image, folder: Path) -> Iterator[Container]:
    """One under way, whose health check says that it is well."""
    with _container(image, folder) as container:
        container.wait_until_healthy(HEALTHY_SECONDS)
        yield container


def _container(image: Image, folder: Path) -> Container:
    return Container(image, folder, folder / "log")


def _find(image: Image, *expression: str, user: tuple[int, int] = (0, 0)) -> set[str]:
    """Paths in the image that ``find`` shows to a user."""
    looked = Sandbox(image.root, image.environment, user=user).run(
        ["find", "/", "-xdev", *expression, "-print"]
    )
    return {line for line in looked.stdout.splitlines() if line.startswith("/")}


def test_the_user_can_write_to_volumes_home_and_tmp_alone(image: Image):
    may = (*image.volumes, *for_itself(image), "/var/tmp", "/run", "/dev")
    can = _find(image, "-writable", "-not", "-type", "l", user=image.ids)
    assert {*image.volumes, *for_itself(image)} <= can
    assert [path for path in can if not path.startswith(may)] == []
    assert image.ids == (1000, 1000)


def test_nothing_gains_rights(build: Build, image: Image):
    (base,) = build.bases.values()
    expression = ("-type", "f", "-perm", "/6000")
    assert _find(image, *expression) == _find(base, *expression)


@pytest.mark.parametrize(
    "name",
    [
        *(".git", ".env", ".venv", "tests", "training", "scripts", "constraints.txt", "Makefile"),
        *("pip", "gcc", "g++", "cc", "make", "git", "*.whl", "id_rsa*", "credentials*", "*token"),
    ],
)
def test_what_nobody_needs_there_did_not_come_in(build: Build, image: Image, name: str):
    (base,) = build.bases.values()
    libraries = "/opt/venv/lib/*"
    found = _find(image, "-name", name, "-not", "-path", libraries) - _find(base, "-name", name)
    assert found == set()


def test_the_environment_for_python_has_no_installer(image: Image):
    (packages,) = image.root.glob("opt/venv/lib/python3*/site-packages")
    assert (packages / "torch").is_dir()
    assert not (packages / "pip").exists()


def test_no_secret_is_in_the_settings(image: Image):
    words = ("TOKEN", "KEY", "PASSWORD", "SECRET", "AUTH", "PIP_", "PROXY")
    assert [name for name in image.environment if any(word in name for word in words)] == []


def test_the_code_is_compiled(image: Image):
    """A container can't do that later."""
    assert any((image.root / "app/wan_demo").glob("__pycache__/service.*.pyc"))


def test_the_final_stage_holds_the_base_the_libraries_and_the_app(
    build: Build, image: Image, capsys: pytest.CaptureFixture[str]
):
    (base,) = build.bases.values()
    sizes = {"base": base.size(), "libraries": image.size("/opt/venv"), "app": image.size("/app")}
    whole = image.size()
    parts = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in sizes.items())
    with capsys.disabled():
        sys.stdout.write(f"\nThe image has {whole / 1e6:.0f} MB ({parts}).\n")
    assert whole - sum(sizes.values()) < 1_000_000
    assert sizes["app"] < 40_000_000
    if not _has_cuda(image):
        assert whole < 2_200_000_000


def _has_cuda(image: Image) -> bool:
    ask = ["python", "-c", "import torch; print(torch.version.cuda)"]
    answer = Sandbox(image.root, image.environment, user=image.ids).run(ask)
    assert answer.returncode == 0, answer.stdout
    return answer.stdout.strip() != "None"


def test_the_cuda_target_is_no_image_without_cuda(build: Build, image: Image):
    if _has_cuda(image):
        assert build.image("cuda").environment["NVIDIA_VISIBLE_DEVICES"] == "all"
    else:
        with pytest.raises(BuildFailed, match="This torch has no CUDA"):
            build.image("cuda")


@pytest.fixture
def on_base(build: Build, image: Image, tmp_path: Path) -> Iterator[Callable[..., Build]]:
    """A build of a Dockerfile of some lines, on the base that is there already.

    Its context is the test's folder.
    """
    with TemporaryDirectory(prefix="image-") as scratch:

        def make(*lines: str) -> Build:
            (name,) = build.bases
            (tmp_path / "Dockerfile").write_text("\n".join([f"FROM {name}", *lines]))
            (tmp_path / ".dockerignore").write_text("ignored\n")
            arguments = {"GIVEN": "from outside"}
            return Build(tmp_path, Path(mkdtemp(dir=scratch)), arguments, build.bases)

        yield make


def test_an_instruction_that_fails_fails_the_build(on_base: Callable[..., Build]):
    with pytest.raises(BuildFailed, match=r"(?s)line 2: RUN echo .*that is why"):
        on_base("RUN echo 'that is why' && exit 3", "ENV A=1").image()


def test_what_runs_sees_arguments_settings_folder_and_user(on_base: Callable[..., Build]):
    made = on_base(
        *("ARG GIVEN=default", "ARG OTHER=default", 'ENV BOTH="$GIVEN, ${OTHER}"'),
        *("RUN useradd --uid 1234 ada", "WORKDIR /a/b", "WORKDIR c", "RUN chown ada ."),
        *("USER ada", 'RUN echo "$BOTH, $GIVEN, $(id --user), $(pwd)" > said'),
    ).image()
    said = "from outside, default, from outside, 1234, /a/b/c"
    assert (made.root / "a/b/c/said").read_text() == f"{said}\n"
    assert "GIVEN" not in made.environment


def test_copied_files_are_roots_or_whose_it_says(on_base: Callable[..., Build], tmp_path: Path):
    (tmp_path / "folder").mkdir()
    for name in ("one", "folder/two", "ignored"):
        (tmp_path / name).write_text(name)
    made = on_base(
        *("COPY one folder/two /copied/", "COPY --chown=7:8 folder /theirs", "COPY one /new"),
    ).image()
    owners = {
        path: ((made.root / path).stat().st_uid, (made.root / path).stat().st_gid)
        for path in ("copied/one", "copied/two", "theirs/two", "new")
    }
    assert owners.pop("theirs/two") == (7, 8)
    assert {*owners.values()} == {(0, 0)}
    with pytest.raises(DockerfileError, match="not in the context: ignored"):
        on_base("COPY ignored /").image()


def test_a_container_that_only_starts_is_stopped_too(image: Image, tmp_path: Path):
    """A process 1 without a handler does not hear the signal."""
    with _container(image, tmp_path) as container:
        until((tmp_path / "data" / "jobs.sqlite3").exists, HEALTHY_SECONDS)
        assert container.stop(_grace()) == 0


def test_a_container_makes_a_video_in_its_volume(
    container: Container, folder: Path, tmp_path: Path
):
    command = _calling(container, tmp_path, SMALL)
    called = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    assert called.returncode == 0, called.stderr
    got = json.loads(called.stdout)
    (kept,) = (folder / "data" / "videos").glob("*.mp4")
    assert Path(got["video"]).read_bytes() == kept.read_bytes()
    assert kept.stat().st_uid == 1000
    with av.open(kept) as video:
        sizes = {(frame.width, frame.height) for frame in video.decode(video=0)}
    assert sizes == {(got["used"]["width"], got["used"]["height"])}
    assert read_metadata(kept)["request"]["seed"] == SMALL["seed"]


def test_a_stopped_container_keeps_its_job_and_the_next_one_does_it(
    container: Container, image: Image, folder: Path, tmp_path: Path
):
    before = len(_rows(folder, tmp_path))
    with subprocess.Popen(_calling(container, tmp_path, LONG), cwd=FOLDER) as caller:
        until(lambda: _figures(container)["wan_jobs_running"] == 1, HEALTHY_SECONDS)
        assert container.stop(_grace()) == 0
        caller.kill()
    assert _rows(folder, tmp_path)[before:] == [("waiting", 0)]
    assert "Traceback" not in container.log
    with _container(image, folder) as another:
        another.wait_until_healthy(HEALTHY_SECONDS)
        until(lambda: _is_idle(_figures(another)), HEALTHY_SECONDS)
        assert another.stop(_grace()) == 0
        assert "Traceback" not in another.log
    assert _rows(folder, tmp_path)[before:] == [("completed", 0)]
    seeds = [read_metadata(path)["request"]["seed"] for path in folder.glob("data/videos/*.mp4")]
    assert seeds.count(LONG["seed"]) == 1


def _calling(container: Container, folder: Path, given: Mapping[str, Any]) -> Sequence[str]:
    parameters = json.dumps(given)
    return container.command_on_its_network(
        "tests.image.caller", ADDRESS, str(folder / "downloads"), parameters
    )


def _figures(container: Container) -> Mapping[str, float]:
    """Of ``/metrics``, those without labels."""
    looked = container.run(["python", "-c", FIGURES])
    assert looked.returncode == 0, looked.stdout
    lines = (line.split() for line in looked.stdout.splitlines() if not line.startswith("#"))
    return {line[0]: float(line[1]) for line in lines if len(line) == 2}


def _is_idle(figures: Mapping[str, float]) -> bool:
    return figures["wan_jobs_running"] == figures["wan_jobs_waiting"] == 0


def _grace() -> float:
    """Seconds that the compose file leaves a container that is to stop."""
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    return float(services["cpu"]["stop_grace_period"].removesuffix("s"))


def _rows(folder: Path, scratch: Path) -> list[tuple[str, int]]:
    """Status and losses of the volume's jobs, read from a copy: its files stay the container's."""
    for path in folder.glob("data/jobs.sqlite3*"):
        shutil.copy(path, scratch)
    with closing(sqlite3.connect(scratch / "jobs.sqlite3")) as connection:
        return connection.execute("SELECT status, losses FROM jobs ORDER BY seq").fetchall()
