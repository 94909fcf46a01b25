"""A file that a stranger names by an address: fetched from the public web, and from nowhere else.

Whoever makes a server ask addresses would have it ask its own network (server-side request forgery,
CWE-918). So the name is looked up once, an address that the web can't reach is not asked, and the
very one that was looked at is connected to: a name that means another a moment later (DNS
rebinding) gains nothing. Nor does a server that leads elsewhere, as nobody follows.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import anyio
import httpx

from wan_demo.errors import NoRoomForFile, UnreadableMedium
from wan_demo.media.decode import MAX_BYTES
from wan_demo.media.room import SPARE_BYTES, free_bytes, is_full

LONGEST = 2048
"""Characters of an address."""

SECONDS = 60.0
"""For everything, from the look-up to the last byte: a server may send as slowly as it likes."""

ADDRESS = "must be at an https:// address of the public web, without a port or a password"
TOO_LARGE = f"must be a file of 1 byte to {MAX_BYTES // 2**20} MB"

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

Count = Callable[[int], None]
"""Gets the number of bytes of each piece that comes, and may raise."""

_WEB = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is given out (RFC 4291, section 2.4)."""


async def look_up(host: str) -> Sequence[Address]:
    """The addresses of a host, none where there is no such host."""
    try:
        found = await anyio.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter of a name that no host can have
        return []
    return [ipaddress.ip_address(place[0]) for *_, place in found]


def is_public(address: Address) -> bool:
    """Whether the web at large reaches it, and not some network's inside by way of it.

    Of IPv6 nothing that stands for an address of IPv4 (mapped, NAT64, 6to4, Teredo), as that may
    be any.
    """
    if isinstance(address, ipaddress.IPv6Address):
        stands_for_another = address.sixtofour or address.teredo
        if address not in _WEB or stands_for_another:
            return False
    return address.is_global and not address.is_multicast


@dataclass(frozen=True)
class Remote:
    """Fetches files. Tests alone, whose server is this machine, look and judge otherwise."""

    look_up: Callable[[str], Awaitable[Sequence[Address]]] = look_up
    is_public: Callable[[Address], bool] = is_public
    trust: ssl.SSLContext | None = None
    port: int = 443
    seconds: float = SECONDS
    free: Callable[[Path], int] = free_bytes

    async def fetch(
        self, field: str, address: str, target: Path, count: Count = lambda _: None
    ) -> None:
        """Write what lies at ``address`` to ``target``; raises UnreadableMedium naming ``field``.

        That is for what is no https address, a host that the web can't reach (which is not asked),
        any answer but the file itself, and more bytes or time than a file may take. Raises
        NoRoomForFile where the disk would be full, and what ``count`` raises; nothing stays then.
        """
        url = _parsed(field, address)
        try:
            with anyio.fail_after(self.seconds):
                await self._fetch(field, url, target, count)
        except TimeoutError as error:
            allowed = f"must be a file that comes within {self.seconds:g} s"
            raise UnreadableMedium(field, address, allowed) from error
        except (httpx.HTTPError, ssl.SSLError) as error:
            allowed = "must be a file that its server hands out"
            raise UnreadableMedium(field, address, allowed) from error

    async def _fetch(self, field: str, url: httpx.URL, target: Path, count: Count) -> None:
        pinned = [str(each) for each in await self.look_up(_name(url)) if self.is_public(each)]
        if not pinned:
            raise UnreadableMedium(field, str(url), ADDRESS)
        try:
            async with self._answer(url, pinned[0]) as response:
                self._check_room(target, _said(field, url, response))
                await self._save(field, url, response, target, count)
        except BaseException as error:
            target.unlink(missing_ok=True)
            if is_full(error):
                raise NoRoomForFile from error
            raise

    async def _save(
        self, field: str, url: httpx.URL, response: httpx.Response, target: Path, count: Count
    ) -> None:
        had = 0
        with target.open("wb") as file:
            async for chunk in response.aiter_raw():
                had += len(chunk)
                if had > MAX_BYTES:
                    raise UnreadableMedium(field, str(url), TOO_LARGE)
                count(len(chunk))
                self._check_room(target, len(chunk))
                file.write(chunk)

    def _check_room(self, target: Path, more: int) -> None:
        if self.free(target.parent) - more < SPARE_BYTES:
            raise NoRoomForFile

    @asynccontextmanager
    async def _answer(self, url: httpx.URL, pinned: str) -> AsyncIterator[httpx.Response]:
        """What a host says that is looked up no more: its certificate must be that of its name.

        No proxy of the environment is asked, as it would look the name up itself.
        """
        place = url.copy_with(host=pinned, port=self.port)
        headers = {"Host": url.netloc.decode(), "Accept-Encoding": "identity"}
        named = {"sni_hostname": _name(url)}
        verify = self.trust or httpx.create_ssl_context()
        client = httpx.AsyncClient(trust_env=False, verify=verify, timeout=self.seconds)
        async with client, client.stream("GET", place, headers=headers, extensions=named) as answer:
            yield answer


def _parsed(field: str, address: str) -> httpx.URL:
    """What an address says; one that no public file has is refused before anything is asked."""
    try:
        url = httpx.URL(address) if len(address) <= LONGEST else httpx.URL()
    except (httpx.InvalidURL, ValueError):  # the latter of what no domain name can hold
        url = httpx.URL()
    is_fine = url.scheme == "https" and url.host and not url.userinfo and url.port is None
    if not is_fine or _is_address(url.host):
        raise UnreadableMedium(field, address, ADDRESS)
    return url


def _name(url: httpx.URL) -> str:
    """The host as the web's own names are written, without letters that ASCII lacks."""
    return url.raw_host.decode()


def _is_address(host: str) -> bool:
    """Whether a host is an address itself, for which hardly a certificate speaks."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _said(field: str, url: httpx.URL, response: httpx.Response) -> int:
    """How many bytes a host says that a file has, 0 where it says nothing; before any is taken."""
    if response.status_code != httpx.codes.OK:  # one that leads elsewhere is not followed
        allowed = f"must be the file itself; its server answers {response.status_code}"
        raise UnreadableMedium(field, str(url), allowed)
    said = response.headers.get("content-length", "")
    length = int(said) if said.isdecimal() else 0
    if length > MAX_BYTES:
        raise UnreadableMedium(field, str(url), TOO_LARGE)
    return length
