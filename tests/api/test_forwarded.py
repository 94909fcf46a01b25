"""Whoever forges the header of proxies stays who they are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wan_demo.api.crowd import BURST, CrowdMiddleware
from wan_demo.api.forwarded import ForwardedMiddleware
from wan_demo.domain.rates import HERE, NOBODY, key_of

PROXY = "10.16.3.80"
REAL = "203.0.113.9"


def seen(
    peer: str, proxies: str, *told: str, proto: str | None = None, is_shared: bool = False
) -> tuple[str, str]:
    """The client's address and the scheme that the application behind gets."""
    got: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        got.append(scope)

    headers = [(b"x-forwarded-for", each.encode("latin1")) for each in told]
    if proto is not None:
        headers.append((b"x-forwarded-proto", proto.encode()))
    scope = {"type": "http", "client": (peer, 5), "scheme": "http", "headers": headers}
    asyncio.run(ForwardedMiddleware(app, proxies, is_shared)(scope, None, None))  # type: ignore[arg-type]
    return got[0]["client"][0], got[0]["scheme"]


@pytest.mark.parametrize(
    "told",
    [
        (REAL,),
        (f"1.2.3.4, {REAL}",),
        ("1.2.3.4", REAL),
        (f"127.0.0.1,{REAL}",),
        (f"::1, 10.0.0.1, 127.0.0.1, {REAL} ",),
        (f"{'9' * 5000}, \xff, {REAL}:8080",),
    ],
)
def test_where_any_proxy_is_believed_it_is_for_the_last_address_alone(told):
    assert seen(PROXY, "*", *told, proto="https") == (REAL, "https")


@pytest.mark.parametrize("proxies", ["*", PROXY, "10.0.0.0/8"])
@pytest.mark.parametrize(
    "told", ["127.0.0.1", "::1", "[::1]:80", "::ffff:127.0.0.1", "127.9.9.9", "localhost", "x" * 99]
)
def test_nobody_becomes_this_machines_own_by_a_header(proxies, told):
    host, _ = seen(PROXY, proxies, told)
    assert host == NOBODY
    assert key_of(host) != HERE


@pytest.mark.parametrize("proxies", ["*", "127.0.0.1"])
def test_who_sits_here_and_comes_through_a_proxy_of_this_machine_is_still_here(proxies):
    assert key_of(seen("127.0.0.1", proxies, "127.0.0.1")[0]) == HERE


def test_a_named_proxys_word_is_taken_and_nobody_elses():
    assert seen("127.0.0.1", "127.0.0.1", f"127.0.0.1, {REAL}")[0] == REAL
    assert seen(REAL, "127.0.0.1", "1.2.3.4", proto="https") == (REAL, "http")


@pytest.mark.parametrize("told", [(), ("",)])
def test_without_an_address_it_is_the_proxys_own(told):
    assert seen(PROXY, "*", *told)[0] == PROXY


def test_a_new_forged_address_with_each_request_gives_no_new_bucket():
    """As on a Space, whose proxy puts the visitor's address behind what the visitor wrote."""
    statuses: list[int] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    door = ForwardedMiddleware(CrowdMiddleware(app), "*")

    async def play() -> None:
        for number in range(int(BURST) + 100):
            forged = f"{number % 256}.{number // 256}.1.1, {REAL}".encode()
            headers = [(b"x-forwarded-for", forged)]
            scope = {"type": "http", "path": "/", "client": (PROXY, 1), "headers": headers}
            await door({**scope, "method": "GET"}, asyncio.Queue().get, send)

    asyncio.run(play())
    assert (statuses[0], statuses[-1]) == (200, 429)


@pytest.mark.parametrize("told", [(), ("127.0.0.1",), ("::1",), (f"{REAL}, 127.0.0.1",), (REAL,)])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1"])
def test_nobody_is_this_machines_own_where_gradios_tunnel_leads_here(peer, told):
    host, _ = seen(peer, "127.0.0.1", *told, is_shared=True)
    assert host in (NOBODY, REAL)
    assert key_of(host) != HERE
