"""What a revision of a repo holds, as the hub lists it: names, sizes and checksums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError

from wan_demo.domain.source import Source
from wan_demo.errors import DownloadFailed
from wan_demo.hub.connection import Connection
from wan_demo.hub.selection import wanted

MAX_FILES = 2_000
MAX_ANSWER_BYTES = 16 * 2**20
MAX_FILE_BYTES = 2**44

_Bytes = Annotated[int, Field(ge=0, le=MAX_FILE_BYTES)]
_Sha1 = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class HubFile:
    """A file to fetch. ``blob`` is its name in the cache and its checksum.

    That is the SHA-256 of a large file (64 digits), or git's SHA-1 of a small one (40 digits).
    """

    path: str
    size: int
    blob: str


@dataclass(frozen=True)
class Listing:
    """The wanted files of one commit, and the blobs of everything else that it has."""

    commit: str
    files: tuple[HubFile, ...]
    blobs: frozenset[str]

    @property
    def total(self) -> int:
        """Bytes of all wanted files."""
        return sum(file.size for file in self.files)


class _Lfs(BaseModel):
    sha256: _Sha256
    size: _Bytes


class _Sibling(BaseModel):
    rfilename: str = Field(min_length=1, max_length=1_000)
    size: _Bytes
    blob_id: _Sha1 = Field(alias="blobId")
    lfs: _Lfs | None = None

    def file(self) -> HubFile:
        return HubFile(self.rfilename, self.size, self.lfs.sha256 if self.lfs else self.blob_id)


class _Answer(BaseModel):
    sha: _Sha1
    siblings: list[_Sibling]


def list_files(connection: Connection) -> Listing:
    """Ask the hub, with patience.

    Raises GaveUp, DownloadStopped, and DownloadFailed for a refusal or an answer that is no list.
    """
    source = connection.source
    answer = connection.persist(lambda: _parse(source, _ask(connection)), lambda: 0)
    if source.commit not in (None, answer.sha):
        raise _no_list(source, "it is of another commit")
    if len(answer.siblings) > MAX_FILES:
        raise _no_list(source, f"it has {len(answer.siblings)} files; {MAX_FILES} are the limit")
    if any(each.lfs and each.lfs.size != each.size for each in answer.siblings):
        raise _no_list(source, "it names two sizes for one file")
    chosen = set(wanted(source, (each.rfilename for each in answer.siblings)))
    files = tuple(each.file() for each in answer.siblings)
    return Listing(
        answer.sha,
        tuple(file for file in files if file.path in chosen),
        frozenset(file.blob for file in files),
    )


def _ask(connection: Connection) -> bytes:
    source = connection.source
    revision = quote(source.revision, safe="")
    url = f"{connection.endpoint}/api/models/{source.repo}/revision/{revision}?blobs=true"
    body = bytearray()
    with connection.get(url) as answer:
        for piece in answer.iter_bytes():
            connection.check()
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise _no_list(source, "it is too long")
    return bytes(body)


def _parse(source: Source, body: bytes) -> _Answer:
    try:
        return _Answer.model_validate_json(body, strict=True)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "its form"
        raise _no_list(source, f"{where} is not as it should be") from error


def _no_list(source: Source, reason: str) -> DownloadFailed:
    return DownloadFailed(f"The hub's file list of {source.repo} can't be used: {reason}.")
