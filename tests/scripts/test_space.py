"""The folder of a Space, and what the check finds in good and broken ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from scripts import space, space_check


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "space"
    space.write(folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Iterator[Path]:
    """A good folder, to be broken."""
    folder = Path(shutil.copytree(written, tmp_path / "space"))
    yield folder
    shutil.rmtree(folder)


def test_what_is_written_can_be_pushed(written: Path):
    assert list(space_check.findings(written)) == []
    assert space_check.report(written) == 0
    assert not any((written / name).exists() for name in ("tests", "training", "docs", "scripts"))


@pytest.mark.parametrize("hardware", ["cpu-basic", "l40sx1"])
def test_other_hardware_can_be_suggested(tmp_path: Path, hardware: str):
    space.write(tmp_path / "space", hardware)
    known, _ = space_check.split((tmp_path / "space" / "README.md").read_text())
    assert known["suggested_hardware"] == hardware
    assert ("preload_from_hub" in known) is (hardware != "cpu-basic")
    assert list(space_check.findings(tmp_path / "space")) == []


def test_it_is_written_anew_but_never_over_something_else(folder: Path, tmp_path: Path):
    (folder / "wan_demo" / "old.py").write_text("")
    space.write(folder)
    assert not (folder / "wan_demo" / "old.py").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "letters.txt").write_text("kept")
    with pytest.raises(FileExistsError):
        space.write(other)
    assert (other / "letters.txt").read_text() == "kept"


def _says(name: str, value: str) -> Callable[[Path], None]:
    """Another value in the front matter."""

    def change(folder: Path) -> None:
        readme = folder / "README.md"
        known, text = space_check.split(readme.read_text())
        said = yaml.safe_dump({**known, name: yaml.safe_load(value)})
        readme.write_text(f"---\n{said}---\n{text}")

    return change


def _file(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return change


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _adds(name: str, line: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with (folder / name).open("a") as file:
            file.write(line + "\n")

    return change


BROKEN = {
    "no readme": (_without("README.md"), "README.md: has no front matter"),
    "no front matter": (_file("README.md", b"# Wan"), "README.md: has no front matter"),
    "no yaml": (_file("README.md", b"---\na: [\n---\n"), "README.md: has no front matter"),
    "long description": (_says("short_description", "x" * 61), "at most 60 characters"),
    "color": (_says("colorTo", "mauve"), "colorTo: must be one of red"),
    "sdk": (_says("sdk", "docker"), "sdk: must be gradio"),
    "half a version": (_says("sdk_version", "6.31"), "sdk_version: must be a whole version"),
    "another version": (_says("sdk_version", "6.30.0"), "is not the sdk_version, 6.30.0"),
    "python as a number": (_says("python_version", "3.10"), "python_version: must be"),
    "hardware": (_says("suggested_hardware", "h1000"), "suggested_hardware: must be one of"),
    "models": (_says("models", "[wan]"), "models: must be a list of owner/name"),
    "tags": (_says("tags", "video"), "tags: must be a list of words"),
    "timeout": (_says("startup_duration_timeout", "soon"), "must be a time such as"),
    "unknown field": (_says("hardware", "cpu"), "hardware is no field of a Space"),
    "no app file": (_says("app_file", "main.py"), "main.py: the app_file is missing"),
    "app does not compile": (_file("app.py", b"def main(:"), "app.py: does not compile"),
    "newer python": (_file("wan_demo/x.py", b"x = t't'\ny ="), "does not compile"),
    "no requirements": (_without("requirements.txt"), "requirements.txt: is missing"),
    "index": (_adds("requirements.txt", "--pre"), "'--pre' is no requirement by name"),
    "path": (_adds("requirements.txt", "./wheel.whl"), "is no requirement by name"),
    "new torch": (_adds("requirements.txt", "torch>=2.8"), "also allows versions that ZeroGPU"),
    "old torch": (_adds("requirements.txt", "torch<2.8"), "torch must allow one of 2.8.0"),
    "package": (_file("packages.txt", b"ffmpeg -y\n"), "'ffmpeg -y' is no name of a Debian"),
    "large": (_file("assets/a.safetensors", b"0" * 10_000_001), "has 10.0 MB, and 10 are"),
    "binary": (_file("assets/a.dat", b"a\0b"), "a.dat: is binary"),
    "settings": (_file(".env", b"WAN_DEMO_AUTH=a:b"), ".env: must not be pushed"),
    "key": (_file("wan_demo/server.pem", b"-"), "server.pem: must not be pushed"),
    "pickle": (_file("assets/model.bin", b"-"), "model.bin: must not be pushed"),
    "tests": (_file("tests/test_a.py", b""), "tests: must not be pushed"),
    "jobs": (_file("data/jobs.sqlite3", b"-"), "data: must not be pushed"),
    "token": (_file("wan_demo/hub.txt", b"hf_" + b"a" * 34), "holds an access token"),
    "link": (lambda folder: (folder / "link").symlink_to("app.py"), "link: is a link"),
}


@pytest.mark.parametrize(("change", "finding"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_found(folder: Path, change: Callable[[Path], None], finding: str):
    change(folder)
    found = list(space_check.findings(folder))
    assert any(finding in each for each in found), found
    assert space_check.report(folder) == 1


def test_zero_gpus_own_package_is_asked_for(folder: Path):
    path = folder / "requirements.txt"
    path.write_text(path.read_text().replace("spaces>=0.43\n", ""))
    assert list(space_check.findings(folder)) == [
        "requirements.txt: spaces is missing, which ZeroGPU needs"
    ]
