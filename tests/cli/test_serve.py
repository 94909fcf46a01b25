from __future__ import annotations

import socket

import pytest

from wan_demo.cli import main, serve
from wan_demo.errors import WanDemoError


@pytest.mark.parametrize(
    ("arguments", "field"),
    [(["--port", "abc"], "port"), (["--port", "70000"], "port"), (["--engine", "x"], "engine")],
)
def test_a_wrong_setting_is_one_line_that_names_it(capsys, arguments, field):
    assert main(["serve", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{field}: ")
    assert said.count("\n") == 1


def test_a_wrong_environment_is_said_too(capsys, monkeypatch):
    monkeypatch.setenv("WAN_DEMO_PORT", "many")
    assert main(["serve"]) == 2
    assert capsys.readouterr().err.startswith("port: ")


def test_a_wrong_login_is_said_without_the_password(capsys, monkeypatch):
    monkeypatch.setenv("WAN_DEMO_AUTH", "ada:s3cret,bob")
    assert main(["serve"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("auth: must be NAME:PASSWORD")
    assert "s3cret" not in said


def test_a_busy_port_gives_the_next_free_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serve.listen("127.0.0.1", port) as listener:
            assert listener.getsockname()[1] > port


def test_a_free_port_is_taken_as_it_is():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serve.listen("127.0.0.1", port) as listener:
        assert listener.getsockname()[1] == port


def test_an_address_of_no_machine_of_ours_is_said_to_be_one():
    with pytest.raises(WanDemoError, match=r"Can't listen on 192\.0\.2\.1, port 7860: Cannot"):
        serve.listen("192.0.2.1", 7860)
    with pytest.raises(WanDemoError, match=r"Can't listen on no\.such\.host, port 7860: "):
        serve.listen("no.such.host", 7860)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 on this machine")
def test_all_addresses_are_those_of_ipv4_too():
    with serve.listen("::", 0) as listener:
        socket.create_connection(("127.0.0.1", listener.getsockname()[1])).close()


@pytest.mark.parametrize(
    ("host", "shown"),
    [("::", "localhost"), ("0.0.0.0", "localhost"), ("::1", "[::1]"), ("wan.local", "wan.local")],
)
def test_the_address_that_is_printed_can_be_opened(host, shown):
    assert serve._shown_host(host) == shown


def test_no_free_port_is_said(monkeypatch):
    monkeypatch.setattr(serve, "PORTS_TO_TRY", 0)
    with pytest.raises(WanDemoError, match="--port"):
        serve.listen("127.0.0.1", 7860)
