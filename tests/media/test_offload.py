from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wan_demo.media.offload import own_folder, sweep

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from wan_demo.media.offload import own_folder
with own_folder(Path(sys.argv[1])) as mine:
    mine.mkdir()
    (mine / "weights").write_bytes(b"large")
    print(mine, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process with weights on the disk: (process, its folder)."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def folders(root) -> list[str]:
    return [path.name for path in root.iterdir() if path.is_dir()]


def test_a_folder_is_gone_with_its_use(tmp_path):
    with own_folder(tmp_path) as mine:
        mine.mkdir()
        (mine / "weights").touch()
    assert {path.name for path in tmp_path.iterdir()} <= {"all.lock"}


def test_it_is_gone_after_a_failure_too(tmp_path):
    def fail() -> None:
        with own_folder(tmp_path) as mine:
            mine.mkdir()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert not folders(tmp_path)


def test_what_a_living_process_holds_stays(tmp_path, holder):
    sweep(tmp_path)
    with own_folder(tmp_path):
        assert len(folders(tmp_path)) == 1
    assert holder.poll() is None
    assert len(folders(tmp_path)) == 1


def test_the_lock_of_a_killed_process_that_wrote_nothing_goes(tmp_path):
    (tmp_path / "1f.lock").touch()
    with own_folder(tmp_path):
        assert not (tmp_path / "1f.lock").exists()


def test_what_a_killed_process_left_goes(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert len(folders(tmp_path)) == 1
    with own_folder(tmp_path):
        assert not folders(tmp_path)
