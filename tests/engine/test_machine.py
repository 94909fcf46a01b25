"""What is free, on machines whose files and tools are made up."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from wan_demo.engine import machine as module
from wan_demo.engine.device import Device
from wan_demo.engine.machine import Ram, larger, measure, own_ram, ram
from wan_demo.engine.memory import GIB, plenty

HOST = Ram(64 * GIB, 50 * GIB)


@pytest.fixture
def host(monkeypatch):
    """A host with HOST's memory and no control groups."""
    found = psutil.virtual_memory()._replace(total=HOST.total, available=HOST.free)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: found)
    monkeypatch.setattr(module, "_limits", lambda *_: ())


@pytest.fixture
def groups(tmp_path):
    """Control groups with their files, and what ``/proc/self/cgroup`` says of this process."""

    def make(listed: str, files: dict[str, str]) -> list[tuple[int, int]]:
        (tmp_path / "cgroup").write_text(listed)
        for name, text in files.items():
            path = tmp_path / "fs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return list(module._limits(tmp_path / "cgroup", tmp_path / "fs"))

    return make


@pytest.fixture
def gpu(monkeypatch):
    """A driver's tool with these answers."""

    def make(**answers: str) -> None:
        monkeypatch.setattr(module.driver, "query_gpu", lambda name: answers.get(name))

    return make


def test_a_container_has_what_its_group_leaves_it(groups):
    files = {
        "memory.max": f"{8 * GIB}\n",
        "memory.current": f"{3 * GIB}\n",
        "memory.stat": f"anon 5\ninactive_file {GIB}\n",
    }
    assert groups("0::/\n", files) == [(8 * GIB, 2 * GIB)]


def test_a_group_is_limited_by_all_above_it_too(groups):
    files = {
        "user/app/memory.max": "max\n",
        "user/app/memory.current": "5\n",
        "user/memory.max": f"{GIB}\n",
        "user/memory.current": "7\n",
    }
    assert groups("0::/user/app\n", files) == [(GIB, 7)]


def test_the_first_version_of_groups_is_read_as_well(groups):
    files = {
        "memory/docker/memory.limit_in_bytes": f"{GIB}\n",
        "memory/docker/memory.usage_in_bytes": "900\n",
        "memory/docker/memory.stat": "inactive_file 1\ntotal_inactive_file 300\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/memory.usage_in_bytes": "1000\n",
    }
    assert groups("5:cpu,memory:/docker\n4:cpu:/x\n0::/\n", files) == [(GIB, 600)]


def test_without_groups_there_are_no_limits(groups, tmp_path):
    assert groups("0::/nowhere\n", {}) == []
    assert list(module._limits(tmp_path / "none", tmp_path)) == []


def test_the_tightest_limit_counts(host, monkeypatch):
    assert ram() == HOST
    monkeypatch.setattr(module, "_limits", lambda *_: [(16 * GIB, 2 * GIB), (8 * GIB, 9 * GIB)])
    assert ram() == Ram(8 * GIB, 0)


def test_on_the_cpu_there_is_ram_and_disk(host, tmp_path):
    found = measure(Device("cpu", "CPU"), tmp_path / "not" / "there" / "yet")
    assert (found.device, found.free, found.ram_total) == ("cpu", HOST.free, HOST.total)
    assert found.disk_free > 0
    assert not found.has_torchao


@pytest.mark.parametrize(
    ("capability", "has_bf16", "has_fp8"),
    [("7.5", False, False), ("8.0", True, False), ("8.9", True, True), ("9.0", True, True)],
)
def test_a_card_says_what_is_free_and_what_it_can(
    host, gpu, tmp_path, capability, has_bf16, has_fp8
):
    gpu(**{"memory.free": "20000", "compute_cap": capability})
    found = measure(Device("cuda", "GPU", 24 * GIB), tmp_path)
    assert (found.gpu_total, found.gpu_free) == (24 * GIB, 20000 * 2**20)
    assert (found.has_bf16, found.has_fp8) == (has_bf16, has_fp8)


@pytest.mark.parametrize("said", ["", "[N/A]"])
def test_a_driver_that_does_not_tell_leaves_the_plain_card(host, gpu, tmp_path, said):
    gpu(**{"memory.free": said, "compute_cap": said})
    found = measure(Device("cuda", "GPU", 24 * GIB), tmp_path)
    assert (found.gpu_free, found.has_bf16, found.has_fp8) == (24 * GIB, True, False)


def test_an_apple_gpu_gets_a_part_of_the_ram(host, tmp_path):
    found = measure(Device("mps", "Apple GPU"), tmp_path)
    assert (found.gpu_total, found.gpu_free) == (48 * GIB, 48 * GIB)


def test_own_memory_grows_with_what_is_held():
    before = own_ram()
    held = bytearray(b"\1") * (64 * 2**20)
    assert own_ram() - before > 60 * 2**20
    del held


def test_of_two_looks_the_better_one_counts(host):
    one, other = measure(Device("cpu", "CPU"), Path()), plenty("cpu")
    assert larger(one, other).ram_free == other.ram_free
    assert larger(other, one).ram_free == other.ram_free
    assert larger(one, other).ram_total == one.ram_total
