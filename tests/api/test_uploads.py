"""Uploads as Gradio takes them, behind our limits: what is refused leaves nothing on the disk."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Mount
from starlette.types import ASGIApp

from tests.ui.serving import served_page
from wan_demo.api import uploads
from wan_demo.api.uploads import MOST_BYTES, MOST_FILES, UploadMiddleware
from wan_demo.media import room
from wan_demo.media.room import SPARE_BYTES, free_bytes

HEAD = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
END = b"\r\n--b--\r\n"
WHOLE = HEAD + b"x" * 1000 + END
FORM = b"multipart/form-data; boundary=b"


class Page:
    """The page as it is served, and where Gradio puts uploads."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self._uploads = UploadMiddleware(app, self._free)
        self._folder = folder
        self.is_silent = False
        """Whether a sender whose pieces end falls silent, and is not gone."""
        self.free = [2 * SPARE_BYTES]
        """At each look at the disk; the last one stays."""

    def upload(
        self,
        *pieces: bytes,
        kind: bytes = FORM,
        length: int | None = None,
        host: str = "127.0.0.1",
    ) -> int:
        """The status of an upload that comes in pieces, and ends there or is broken off."""
        said = sum(map(len, pieces)) if length is None else length
        messages: list[Any] = [
            {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
        ]
        if said in (0, sum(map(len, pieces))):  # 0: it says nothing
            messages[-1]["more_body"] = False
        return asyncio.run(self._send(messages, kind, said, host))

    async def _send(self, messages: list[Any], kind: bytes, length: int, host: str) -> int:
        answers: list[Any] = []

        async def receive() -> Any:
            if self.is_silent and not messages:
                await asyncio.Event().wait()
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            answers.append(message)

        path = "/gradio_api/upload"
        headers = [(b"content-type", kind), (b"content-length", f"{length}".encode())]
        scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode()}
        scope |= {"headers": headers, "query_string": b"upload_id=a", "client": (host, 1)}
        scope |= {"scheme": "http", "server": ("127.0.0.1", 80), "root_path": ""}
        await self._uploads(scope, receive, send)
        assert [each["type"] for each in answers[:1]] == ["http.response.start"]
        self.told = dict(answers[0]["headers"])
        return answers[0]["status"]

    def _free(self) -> int:
        return self.free.pop(0) if len(self.free) > 1 else self.free[0]

    @property
    def kept(self) -> list[str]:
        """The names of the files that lie there."""
        return [path.name for path in self._folder.rglob("*") if path.is_file()]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    folder = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    (app,) = (each.app for each in served_page(tmp_path).routes if isinstance(each, Mount))
    return Page(app, folder)


def part(disposition: bytes) -> bytes:
    return b"--b\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\nxxx"


def test_a_file_is_taken_however_it_comes_in_pieces(page: Page):
    assert page.upload(*(WHOLE[at : at + 1] for at in range(len(WHOLE)))) == 200
    assert page.kept == ["a.mp4"]


def test_several_files_are(page: Page):
    one = HEAD + b"x" * 10 + b"\r\n"
    assert page.upload(one * MOST_FILES + END[2:]) == 200
    assert page.kept == ["a.mp4"]  # the same bytes, once


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([HEAD, b"x" * 1000], id="without its end"),
        pytest.param([part(b'name="files"'), END], id="text for a file"),
        pytest.param([part(b'name="other"; filename="a.mp4"'), END], id="under another name"),
        pytest.param([part(b'filename="a.mp4"'), END], id="without a name"),
        pytest.param([part(b'name="files"; filename="a/.."'), END], id="of the folder above"),
        pytest.param([WHOLE[:-5], b"\r\n", part(b'name="x"'), END], id="a file, then a field"),
        pytest.param([(HEAD + b"\r\n") * (MOST_FILES + 1) + END[2:]], id="too many"),
        pytest.param([b"nothing of the kind"], id="no form"),
        pytest.param([HEAD.replace(b"a.mp4", b"a" * 9000), END], id="an endless name"),
    ],
)
def test_what_is_no_form_of_files_is_refused_and_leaves_nothing(page: Page, pieces: list[bytes]):
    assert page.upload(*pieces) == 400
    assert page.kept == []


@pytest.mark.parametrize(
    "kind",
    [b"", b"text/plain", b"multipart/form-data", b"multipart/form-data; boundary=" + b"b" * 9000],
)
def test_what_does_not_say_that_it_is_a_form_is_refused(page: Page, kind: bytes):
    assert page.upload(WHOLE, kind=kind) == 400
    assert page.kept == []


def test_one_that_is_broken_off_leaves_nothing(page: Page):
    assert page.upload(HEAD, b"x" * 1000, length=10_000) == 400
    assert page.kept == []


def test_one_whose_sender_fell_silent_leaves_nothing(page: Page, monkeypatch: pytest.MonkeyPatch):
    page.is_silent = True
    monkeypatch.setattr(uploads, "STALL_SECONDS", 0.01)
    assert page.upload(HEAD, b"x", length=10_000) == 408
    assert page.told[b"connection"] == b"close"
    assert page.kept == []


def test_one_that_comes_too_slowly_leaves_nothing(page: Page, monkeypatch: pytest.MonkeyPatch):
    page.is_silent = True
    monkeypatch.setattr(uploads, "SECONDS", 0.01)
    monkeypatch.setattr(uploads, "PER_SECOND", 10**6)
    assert page.upload(HEAD, b"x", length=10_000) == 408
    assert page.kept == []


@pytest.mark.parametrize("length", [MOST_BYTES + 1, 10**18])
def test_one_that_says_that_it_is_too_large_is_refused_at_once(page: Page, length: int):
    assert page.upload(HEAD, length=length) == 413


def test_one_that_becomes_too_large_leaves_nothing(page: Page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "MOST_BYTES", 5000)
    assert page.upload(HEAD, b"x" * 1000, b"x" * 9000, length=100) == 413
    assert page.kept == []


def test_a_full_disk_takes_none(page: Page):
    page.free = [SPARE_BYTES + len(WHOLE) - 1]
    assert page.upload(WHOLE) == 507
    assert page.kept == []


def test_a_disk_that_fills_up_meanwhile_keeps_nothing(page: Page):
    page.free = [2 * SPARE_BYTES, 2 * SPARE_BYTES, SPARE_BYTES - 1]
    assert page.upload(HEAD, b"x" * 1000, END) == 507
    assert page.kept == []


def test_the_room_is_that_of_the_disk_where_uploads_go(tmp_path: Path):
    assert free_bytes(tmp_path / "still" / "to come") == shutil.disk_usage(tmp_path).free
    if Path("/dev/shm").is_dir():  # a disk of its own
        assert free_bytes(Path("/dev/shm/a")) == shutil.disk_usage("/dev/shm").free


@pytest.mark.parametrize("is_said", [True, False])
def test_one_address_brings_so_much_and_no_more(page_of_few_bytes: Page, is_said: bool):
    page, length = page_of_few_bytes, None if is_said else 0
    assert page.upload(WHOLE, length=length, host="203.0.113.5") == 200
    assert page.upload(WHOLE, length=length, host="203.0.113.5") == 429
    assert int(page.told[b"retry-after"]) >= 1
    assert page.upload(WHOLE, length=length, host="198.51.100.7") == 200
    assert {page.upload(WHOLE, length=length) for _ in range(3)} == {200}


@pytest.fixture
def page_of_few_bytes(page: Page, monkeypatch: pytest.MonkeyPatch) -> Page:
    """Where an address may bring one upload and a half."""
    monkeypatch.setattr(room, "EACH_BYTES", 1.5 * len(WHOLE))
    page._uploads._brought = room.brought()
    return page
