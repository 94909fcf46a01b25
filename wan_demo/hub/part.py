"""A file on its way: the bytes that are here, and their running checksum."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import httpx

from wan_demo.hub.connection import Connection, Passing, RangeRefused
from wan_demo.hub.listing import HubFile

READ_BACK_BYTES = 2**20
_SHA256_DIGITS = 64


class Damaged(Exception):
    """What arrived is not the file; ``str`` says in what, as the end of a sentence."""


class Part:
    """The first bytes of a file, on the disk. A context manager; not for two at a time.

    Writes are unbuffered: what has arrived outlives the process.
    """

    def __init__(self, path: Path, file: HubFile, check: Callable[[], None]) -> None:
        self.path = path
        self.file = file
        self.size = 0
        self._check = check

    def __enter__(self) -> Part:
        self._out = self.path.open("ab+", buffering=0)
        try:
            self._read_back()
        except BaseException:
            self._out.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._out.close()

    @property
    def missing(self) -> int:
        """Bytes that are still to come; below 0 where there are too many."""
        return self.file.size - self.size

    def append(self, piece: bytes) -> None:
        """Add what arrived; raises Damaged past the listed size, OSError on a full disk."""
        if len(piece) > self.missing:
            raise Damaged("is longer than listed")
        rest = memoryview(piece)
        while rest:  # an unbuffered write may take less than it is given
            written = self._out.write(rest)
            self._digest.update(rest[:written])
            self.size += written
            rest = rest[written:]

    def restart(self) -> None:
        """Forget every byte."""
        self._out.truncate(0)
        self.size = 0
        self._digest = _digest_of(self.file)

    def verify(self) -> None:
        """Raises Damaged unless the bytes are the file's."""
        if self.missing:
            raise Damaged("has another size than listed")
        if self._digest.hexdigest() != self.file.blob:
            raise Damaged("has a wrong checksum")

    def _read_back(self) -> None:
        """The checksum of what an earlier try left."""
        self._digest = _digest_of(self.file)
        self._out.seek(0)
        while piece := self._out.read(READ_BACK_BYTES):
            self._check()
            self._digest.update(piece)
            self.size += len(piece)
        if self.missing < 0:
            self.restart()


def fill(connection: Connection, url: str, part: Part, tell: Callable[[], None]) -> None:
    """Fetch a part's missing bytes and verify all of it; ``tell`` is called after each piece.

    Raises Passing where the rest can be had later, Damaged where the part is worth nothing, and
    what ``Connection.get`` and the disk raise.
    """
    try:
        if part.missing:
            with connection.get(url, part.size) as answer:
                _receive(connection, answer, part, tell)
    except RangeRefused:
        raise Damaged("is shorter on the server than what is here") from None
    part.verify()


def _receive(
    connection: Connection, answer: httpx.Response, part: Part, tell: Callable[[], None]
) -> None:
    _check_head(answer, part)
    if answer.status_code == 200 and part.size:  # the server does not do ranges
        part.restart()
        tell()
    for piece in answer.iter_raw():
        connection.check()
        part.append(piece)
        tell()
    if part.missing:
        raise Passing("broke off")


def _check_head(answer: httpx.Response, part: Part) -> None:
    """Passing where this is not the file, or not the rest of it: a log-in page, another version.

    It comes before a byte of the part is given up for it.
    """
    if not _is_listed(answer, part.file):
        raise Passing(f"sent another {part.file.path} than it listed")
    if not _continues(answer, part):
        raise Passing(f"sent {part.file.path} in another size than it listed")


def _is_listed(answer: httpx.Response, file: HubFile) -> bool:
    """The hub names the checksum before it sends us on to a file host."""
    first = (answer.history or [answer])[0]
    if "x-repo-commit" not in first.headers:  # a mirror, whose etags may mean something else
        return True
    etag = first.headers.get("x-linked-etag") or first.headers.get("etag", "")
    name = etag.removeprefix("W/").strip('"')
    return name == file.blob or re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", name) is None


def _continues(answer: httpx.Response, part: Part) -> bool:
    """Whether place and length fit; a server may leave both out of an answer from the start."""
    size, length = str(part.file.size), answer.headers.get("content-length")
    if answer.status_code == 200:
        return length == size or (length is None and not part.size)
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("content-range", ""))
    return span is not None and span[1] == str(part.size) and span[2] in (size, "*")


def _digest_of(file: HubFile) -> hashlib._Hash:
    """Git hashes a file after a header with its size."""
    if len(file.blob) == _SHA256_DIGITS:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
