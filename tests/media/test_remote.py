from __future__ import annotations

import errno
import gzip
import ipaddress
import socket
import time
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.https import NAME, of_this_machine, says, site
from wan_demo.errors import NoRoomForFile, TooManyFiles, UnreadableMedium
from wan_demo.media import remote
from wan_demo.media.remote import Remote, is_public
from wan_demo.media.room import SPARE_BYTES

ADDRESS = f"https://{NAME}/a%20cat.png?size=1"


def fetch(address: str, target: Path, by: Remote) -> None:
    anyio.run(partial(by.fetch, "image", address, target))


def refused(address: str, folder: Path, by: Remote) -> str:
    with pytest.raises(UnreadableMedium) as caught:
        fetch(address, folder / "file", by)
    assert caught.value.field == "image"
    assert not [*folder.iterdir()]
    return str(caught.value)


def test_a_file_is_fetched_from_the_address_that_was_looked_at(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # nobody is asked for it
    with site(says(b"a picture")) as there:
        fetch(ADDRESS, tmp_path / "file", of_this_machine(there))
    assert (tmp_path / "file").read_bytes() == b"a picture"
    assert there.asked == [(NAME, "/a%20cat.png?size=1")]


def test_whose_certificate_is_another_names_is_not_believed(tmp_path):
    with site(says(b"a picture"), "another.example") as there:
        told = refused(ADDRESS, tmp_path, of_this_machine(there))
    assert "must be a file that its server hands out" in told
    assert not there.asked


def test_nobody_is_led_elsewhere(tmp_path):
    with site(says(b"", 302, location="https://127.0.0.1/")) as there:
        told = refused(ADDRESS, tmp_path, of_this_machine(there))
    assert "must be the file itself; its server answers 302" in told
    assert len(there.asked) == 1


@pytest.mark.parametrize("headers", [{}, {"content_length": "9" * 18}, {"content_length": None}])
def test_no_more_is_taken_than_a_file_may_have(tmp_path, monkeypatch, headers):
    monkeypatch.setattr(remote, "MAX_BYTES", 1000)
    with site(says(b"x" * 1001, **headers)) as there:
        told = refused(ADDRESS, tmp_path, of_this_machine(there))
    assert "must be a file of 1 byte to 200 MB" in told


def test_nothing_is_unpacked(tmp_path):
    packed = gzip.compress(bytes(10**7))
    with site(says(packed, content_encoding="gzip")) as there:
        fetch(ADDRESS, tmp_path / "file", of_this_machine(there))
    assert (tmp_path / "file").read_bytes() == packed


@pytest.mark.parametrize("what", ["its head", "its body"])
def test_a_server_that_takes_its_time_gets_no_more_than_there_is(tmp_path, what):
    def drip(request: BaseHTTPRequestHandler) -> None:
        if what == "its body":
            request.send_response(200)
            request.end_headers()
        for _ in range(200):
            request.wfile.write(b"x")
            request.wfile.flush()
            time.sleep(0.02)

    with site(drip) as there:
        told = refused(ADDRESS, tmp_path, of_this_machine(there, seconds=0.5))
    assert "must be a file that comes within 0.5 s" in told


@pytest.mark.parametrize(
    "address",
    [
        *("http://pictures.example/a.png", "ftp://pictures.example/a", "file:///etc/passwd"),
        *("https://pictures.example:22/a", "https://user:pass@pictures.example/a", "https:///a"),
        *("https://127.0.0.1/a", "https://169.254.169.254/latest", "https://[::1]/a"),
        *(
            "https://[fd00::1",
            "https://a..b/",
            "https://" + "a" * 64 + ".example/",
            "://",
            "https:",
        ),
        f"https://pictures.example/{'a' * 3000}",
    ],
)
def test_what_is_no_address_of_a_public_file_is_not_looked_up(tmp_path, address):
    async def never(host: str) -> list[Any]:
        return pytest.fail(f"{host} was looked up") if host == "pictures.example" else []

    assert "must be at an https:// address of the public web" in refused(
        address, tmp_path, Remote(never)
    )


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f000001", "no-such-host.invalid"])
def test_a_host_of_this_machine_is_not_asked(tmp_path, host):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        told = refused(f"https://{host}/", tmp_path, Remote(port=listening.getsockname()[1]))
        with pytest.raises(BlockingIOError):  # nobody has called
            listening.accept()
    assert "must be at an https:// address of the public web" in told


@pytest.mark.parametrize(
    "inner",
    [
        *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
        *("::", "::1", "fe80::1", "fc00::1", "ff02::1", "::ffff:8.8.8.8", "64:ff9b::808:808"),
        *("2002:7f00:1::", "2001:0:7f00:1::1", "2001:db8::1", "fec0::1"),
    ],
)
def test_what_the_web_does_not_reach_is_not_public(inner):
    assert not is_public(ipaddress.ip_address(inner))


@pytest.mark.parametrize("outer", ["8.8.8.8", "193.0.6.139", "2606:4700::1111", "2a00:1450::1"])
def test_what_it_reaches_is(outer):
    assert is_public(ipaddress.ip_address(outer))


def test_a_name_is_looked_up_as_the_web_writes_it(tmp_path):
    asked: list[str] = []

    async def look_up(host: str) -> list[Any]:
        asked.append(host)
        return []

    refused("https://bücher.example/a.png", tmp_path, Remote(look_up))
    assert asked == ["xn--bcher-kva.example"]


@pytest.mark.parametrize("said", [{}, {"content_length": None}])
def test_a_disk_that_is_full_takes_no_file(tmp_path, said):
    with site(says(b"x" * 1000, **said)) as there:
        full = of_this_machine(there, free=lambda _folder: SPARE_BYTES + 999)
        with pytest.raises(NoRoomForFile) as refused:
            fetch(ADDRESS, tmp_path / "file", full)
    assert refused.value.status == 507
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_says_it_is_full_takes_none_either(tmp_path, number):
    def full(_had: int) -> None:
        raise OSError(number, "full")

    with site(says(b"a picture")) as there, pytest.raises(NoRoomForFile):
        anyio.run(of_this_machine(there).fetch, "image", ADDRESS, tmp_path / "file", full)
    assert not [*tmp_path.iterdir()]


def test_whoever_counts_may_end_it(tmp_path):
    had: list[int] = []

    def count(more: int) -> None:
        had.append(more)
        raise TooManyFiles

    with site(says(b"a picture")) as there, pytest.raises(TooManyFiles):
        anyio.run(of_this_machine(there).fetch, "image", ADDRESS, tmp_path / "file", count)
    assert had == [9]
    assert not [*tmp_path.iterdir()]
