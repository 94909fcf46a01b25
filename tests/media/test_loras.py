"""The data folder's LoRAs, and those that a shell's command names by path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wan_demo.domain.lora import Lora, parse
from wan_demo.errors import InvalidRequest
from wan_demo.media.loras import LoraFolder, lend


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "data" / "loras"
    folder.mkdir(parents=True)
    for name in ("b", "A", "x_high", "x_low", "lone_low"):
        (folder / f"{name}.safetensors").touch()
    (folder / "notes.txt").touch()
    (folder / "sub").mkdir()
    (folder / "sub" / "c.safetensors").touch()
    return folder


@pytest.fixture
def secret(tmp_path) -> Path:
    path = tmp_path / "secret.safetensors"
    path.write_text("secret")
    return path


def find(folder: LoraFolder, name: str, has_pair: bool = True) -> list[str]:
    return [path.name for path in folder.find(parse([name])[0], has_pair)]


def test_what_there_is_to_choose_has_a_pair_once(root):
    names = ["A", "b", "lone_low", "x_high"]
    assert LoraFolder(root).names() == [f"{name}.safetensors" for name in names]
    assert LoraFolder(root / "none").names() == []


@pytest.mark.parametrize("name", [b"\xff", b"a,b", b"a:b", b"~a", b'"', b"a\nb", b"[x]", b".a"])
def test_a_file_that_no_request_can_name_is_no_choice(root, name):
    Path(os.fsdecode(os.fsencode(root) + b"/" + name + b".safetensors")).touch()
    assert len(LoraFolder(root).names()) == 4


def test_a_name_too_long_for_the_disk_is_not_there(root):
    assert not LoraFolder(root).has("x" * 5000)


def test_a_file_is_found_with_its_other_half(root):
    folder = LoraFolder(root)
    assert find(folder, "b") == ["b.safetensors"]
    assert find(folder, "x_low") == ["x_low.safetensors", "x_high.safetensors"]
    assert find(folder, "x_low", has_pair=False) == ["x_low.safetensors"]
    assert find(folder, "lone_high") == []
    assert find(folder, "none") == []


def test_links_out_of_the_folder_are_not_there(root, secret):
    (root / "out.safetensors").symlink_to(secret)
    (root / "up.safetensors").symlink_to("../../secret.safetensors")
    (root / "folder.safetensors").symlink_to(secret.parent)
    (root / "in.safetensors").symlink_to("b.safetensors")
    folder = LoraFolder(root)
    assert [find(folder, name) for name in ("out", "up", "folder")] == [[], [], []]
    assert find(folder, "in") == ["in.safetensors"]
    assert not {"out.safetensors", "up.safetensors"} & set(folder.names())


@pytest.mark.parametrize("name", ["../secret.safetensors", "sub/c.safetensors", "..", "", "/"])
def test_no_name_leads_out_even_past_the_parser(root, secret, name):
    assert LoraFolder(root).find(Lora(name=name), has_pair=True) == ()


def test_the_folder_itself_may_be_a_link(root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    assert find(LoraFolder(tmp_path / "link"), "b") == ["b.safetensors"]


class TestLend:
    def test_a_path_becomes_a_name_and_brings_its_other_half(self, root, tmp_path):
        for half in ("high", "low"):
            (tmp_path / f"y_{half}.safetensors").touch()
        said = [f"{tmp_path}/y_high.safetensors:0.5:high", "b:2", "owner/repo"]
        texts, lent = lend(said, LoraFolder(root))
        assert texts == ["y_high.safetensors:0.5:high", "b:2", "owner/repo"]
        assert set(lent) == {"y_high.safetensors", "y_low.safetensors"}
        assert find(LoraFolder(root, lent), "y_high") == list(lent)

    def test_a_file_of_the_working_folder_gives_way_to_the_data_folders(self, root):
        for name in ("b.safetensors", "mine.safetensors"):
            Path(name).touch()  # every test runs in a folder of its own
        texts, lent = lend(["b.safetensors", "mine.safetensors:0.1"], LoraFolder(root))
        assert texts == ["b.safetensors", "mine.safetensors:0.1"]
        assert list(lent) == ["mine.safetensors"]

    @pytest.mark.parametrize(
        "path",
        [
            *("./no.safetensors", "/no.safetensors", "~/no", "~nobody-of-that-name/x", ".", "/"),
            *("/dev/zero", "/" + "x" * 5000),
        ],
    )
    def test_a_path_that_is_no_file_is_refused(self, root, path):
        with pytest.raises(InvalidRequest, match="a file that exists"):
            lend([path], LoraFolder(root))

    def test_two_files_of_one_name_are_refused(self, root, tmp_path):
        for folder in ("1", "2"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "a.safetensors").touch()
        said = [f"{tmp_path}/{folder}/a.safetensors" for folder in ("1", "2")]
        with pytest.raises(InvalidRequest, match="name of its own"):
            lend(said, LoraFolder(root))
