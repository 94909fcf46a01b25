"""A hub on this machine: the part of its HTTP interface that downloads use, over a plain folder.

``root/owner/name/...`` is published as the repo ``owner/name``, with whatever lies there at the
time: a commit is named by its content. Large files are sent on to a second port, as the real hub
sends them on to its file hosts. ``faults`` says what goes wrong, and ``requests`` what was asked.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit

LFS_KINDS = {".safetensors", ".gguf", ".model", ".bin"}
PIECE_BYTES = 64 * 1024
PIECES_PER_SECOND = 20
STALL_SECONDS = 5


@dataclass
class Fault:
    """What goes wrong the next ``times`` times that something matching is asked for.

    ``match`` is an fnmatch pattern over paths in repos, or "api" for the list of files.
    """

    match: str
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    at_file_host: bool = False
    """Whether ``status`` comes from the file host, after the redirect to it."""
    cut_after: int | None = None
    """Bytes of the body after which the connection is cut."""
    stalls_after: int | None = None
    """Bytes of the body after which nothing more comes, over an open connection."""
    has_wrong_bytes: bool = False
    ignores_range: bool = False
    bytes_per_second: int | None = None
    announces: int | None = None
    """A body length other than the true one."""
    hides_length: bool = False

    def is_of_body(self) -> bool:
        """Whether it shows in a body, and not in place of one."""
        return self.status is None


@dataclass
class Request:
    """What was asked, and how much of a body was sent."""

    method: str
    host: str
    """"hub" or "files"."""
    path: str
    """"api", or a path in the repo."""
    range: str | None
    token: str | None
    sent: int = 0


@dataclass(frozen=True)
class Stored:
    """A published file; ``sha256`` only where it is a large one."""

    path: str
    place: Path
    size: int
    git_sha1: str
    sha256: str | None

    @property
    def etag(self) -> str:
        return self.sha256 or self.git_sha1


class HubServer:
    """Serves from ``with`` to its end. ``edit`` may change what the list of files says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.gated: set[str] = set()
        self.edit: Callable[[dict[str, Any]], None] = lambda _answer: None
        self.pinned: dict[str, str] = {}
        self._lock = threading.Lock()
        self._stored: dict[tuple[Path, int, int], tuple[str, str]] = {}
        self._hub = _server(self, "hub")
        self._files = _server(self, "files")

    def __enter__(self) -> HubServer:
        for server in (self._hub, self._files):
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        for server in (self._hub, self._files):
            server.shutdown()
            server.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._hub.server_address[1]}"

    @property
    def file_host(self) -> str:
        return f"http://127.0.0.1:{self._files.server_address[1]}"

    def bodies(self, host: str | None = None) -> list[Request]:
        """The requests that got bytes of files."""
        return [r for r in self.requests if r.sent and r.path != "api" and host in (None, r.host)]

    def take(self, path: str, is_wanted: Callable[[Fault], bool]) -> Fault | None:
        """The next fault for a path, once less to come."""
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and fnmatchcase(path, fault.match) and is_wanted(fault):
                    fault.times -= 1
                    return fault
        return None

    def stored(self, repo: str) -> dict[str, Stored]:
        """The files of a repo as they are now; empty where there is none."""
        folder = self.root / repo
        places = sorted(place for place in folder.rglob("*") if place.is_file())
        files = [self._store(place, place.relative_to(folder).as_posix()) for place in places]
        return {file.path: file for file in files}

    def commit(self, repo: str) -> str:
        """The id of what is published now: one of ``pinned``, or named by the content."""
        if repo in self.pinned:
            return self.pinned[repo]
        listed = json.dumps([[f.path, f.etag] for f in self.stored(repo).values()])
        return hashlib.sha1(listed.encode()).hexdigest()

    def _store(self, place: Path, path: str) -> Stored:
        stat = place.stat()
        key = (place, stat.st_mtime_ns, stat.st_size)
        if key not in self._stored:
            self._stored[key] = _checksums(place)
        sha1, sha256 = self._stored[key]
        return Stored(
            path, place, stat.st_size, sha1, sha256 if place.suffix in LFS_KINDS else None
        )


def _checksums(place: Path) -> tuple[str, str]:
    content = place.read_bytes()
    git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return git, hashlib.sha256(content).hexdigest()


def _server(hub: HubServer, name: str) -> ThreadingHTTPServer:
    handler = type("Handler", (_Handler,), {"hub": hub, "name": name})
    return _Server(("127.0.0.1", 0), handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed or leave early are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[HubServer]
    name: ClassVar[str]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._route()

    def do_GET(self) -> None:
        self._route()

    def _route(self) -> None:
        path = urlsplit(self.path).path
        if self.name == "files":
            return self._file_host(unquote(path))
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?", path):
            return self._api(*found.groups())
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._resolve(*map(unquote, found.groups()))
        self._refuse(404, "")

    def _note(self, path: str) -> None:
        headers = self.headers
        self.request_note = Request(
            self.command, self.name, path, headers["range"], headers["authorization"]
        )
        self.hub.requests.append(self.request_note)

    def _api(self, repo: str, kind: str | None, revision: str | None) -> None:
        self._note("api")
        if self._is_refused(repo, unquote(revision or "main"), "api"):
            return
        files = self.hub.stored(repo).values()
        if kind == "tree":
            return self._json([_as_tree(file) for file in files])
        answer = {
            "id": repo,
            "sha": self.hub.commit(repo),
            "private": False,
            "siblings": [_as_sibling(file) for file in files],
        }
        self.hub.edit(answer)
        self._json(answer)

    def _resolve(self, repo: str, revision: str, path: str) -> None:
        self._note(path)
        if self._is_refused(repo, revision, path):
            return
        file = self.hub.stored(repo).get(path)
        if file is None:
            return self._refuse(404, "EntryNotFound")
        headers = {"X-Repo-Commit": self.hub.commit(repo)}
        if file.sha256 is None:
            return self._body(file, headers)
        headers |= {"X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(file.size)}
        headers["Location"] = f"{self.hub.file_host}/{quote(repo)}/{quote(path)}"
        self._head(302, headers | {"Content-Length": "0"})

    def _file_host(self, path: str) -> None:
        repo, name = "/".join(path.split("/")[1:3]), "/".join(path.split("/")[3:])
        self._note(name)
        fault = self.hub.take(name, lambda each: each.at_file_host)
        if fault and fault.status:
            return self._refuse(fault.status, "", fault.headers)
        self._body(self.hub.stored(repo)[name], {})

    def _is_refused(self, repo: str, revision: str, path: str) -> bool:
        fault = self.hub.take(path, lambda each: not each.is_of_body() and not each.at_file_host)
        if fault and fault.status:
            self._refuse(fault.status, "", fault.headers)
        elif not self.hub.stored(repo):
            self._refuse(404 if self.headers["authorization"] else 401, "RepoNotFound")
        elif revision not in ("main", self.hub.commit(repo)):
            self._refuse(404, "RevisionNotFound")
        elif repo in self.hub.gated and not self.headers["authorization"]:
            self._refuse(401, "GatedRepo")
        else:
            return False
        return True

    def _body(self, file: Stored, headers: dict[str, str]) -> None:
        """The file or its rest, with whatever goes wrong today."""
        fault = Fault("")
        if self.command == "GET":
            fault = self.hub.take(file.path, Fault.is_of_body) or fault
        content = file.place.read_bytes()
        start = 0 if fault.ignores_range else self._start()
        if start >= len(content) > 0:
            headers = {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"}
            return self._head(416, headers)
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:]
        if fault.has_wrong_bytes:
            body = bytes(255 - byte for byte in body)
        length = len(body) if fault.announces is None else fault.announces
        headers |= {"ETag": f'"{file.etag}"', "Accept-Ranges": "bytes"}
        if not fault.hides_length:
            headers["Content-Length"] = str(length)
        self._head(206 if start else 200, headers)
        if self.command == "GET":
            self._send(body, fault)

    def _start(self) -> int:
        found = re.fullmatch(r"bytes=(\d+)-", self.headers["range"] or "")
        return int(found[1]) if found else 0

    def _send(self, body: bytes, fault: Fault) -> None:
        limits = [limit for limit in (fault.cut_after, fault.stalls_after) if limit is not None]
        for piece in _pieces(body[: min(limits, default=None)], fault.bytes_per_second):
            try:
                self.wfile.write(piece)
            except OSError:  # the other side went
                self.close_connection = True
                return
            self.request_note.sent += len(piece)
        if fault.stalls_after is not None:
            self.connection.settimeout(STALL_SECONDS)
            self.rfile.read(1)  # until the client leaves
        is_cut = fault.cut_after is not None or fault.announces is not None
        if is_cut or fault.hides_length:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _json(self, answer: object) -> None:
        body = json.dumps(answer).encode()
        self._head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        if self.command == "GET":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        named = {"X-Error-Code": code} if code else {}
        self._head(status, {**named, **(headers or {}), "Content-Length": "0"})

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _pieces(body: bytes, bytes_per_second: int | None) -> Iterator[bytes]:
    length = (bytes_per_second or PIECE_BYTES * PIECES_PER_SECOND) // PIECES_PER_SECOND
    for start in range(0, len(body), length):
        yield body[start : start + length]
        if bytes_per_second:
            time.sleep(1 / PIECES_PER_SECOND)


def _as_sibling(file: Stored) -> dict[str, Any]:
    sibling = {"rfilename": file.path, "size": file.size, "blobId": file.git_sha1}
    if file.sha256:
        sibling["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": 134}
    return sibling


def _as_tree(file: Stored) -> dict[str, Any]:
    entry = {"type": "file", "path": file.path, "size": file.size, "oid": file.git_sha1}
    if file.sha256:
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": 134}
    return entry
