"""What is uploaded: files and nothing else, so many bytes of them, while the disk has room.

Gradio writes them down as they come. It removes what it wrote of an upload that is refused, and of
no other that fails: so whatever is wrong with one is told to it as such a refusal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import PurePath

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wan_demo.api.forwarded import key_in
from wan_demo.api.limits import UPLOAD_PATH
from wan_demo.api.pace import TOO_SLOW, Pace
from wan_demo.domain.rates import Rates
from wan_demo.media.decode import MAX_BYTES
from wan_demo.media.room import SPARE_BYTES, brought

MOST_BYTES = MAX_BYTES + 2**20
"""Of one request: a file as large as may be, or several, and what stands around them."""

STALL_SECONDS = 120.0
"""Without a byte: whoever sent it has lost the connection, which the system may never say."""

SECONDS, PER_SECOND = 60.0, 1000
"""For an upload, and one more for each so many bytes: a phone on a bad line sends more."""

MOST_FILES = 10
"""Each is held open until the last one is there, and the system has so many for everybody."""

FIELD = b"files"

Refusal = tuple[int, str]

FORM: Refusal = (400, "An upload is a form of files, each in a part with the name files.")
MANY: Refusal = (400, f"An upload may have at most {MOST_FILES} files.")
BROKEN_OFF: Refusal = (400, "The upload was broken off.")
LARGE: Refusal = (413, f"An upload may have at most {MAX_BYTES // 2**20} MB.")
FULL: Refusal = (507, "The server's disk has no room for an upload.")
SLOW: Refusal = (TOO_SLOW, "The upload came too slowly, or was broken off.")
MUCH = "Too much was uploaded from your address. Try again in {} min."


class UploadMiddleware:
    """Refuses an upload in a sentence, before it begins or in its midst; nothing of it stays."""

    def __init__(self, app: ASGIApp, free: Callable[[], int]) -> None:
        self._app = app
        self._free = free
        self._brought = brought()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != UPLOAD_PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            form = _Form(headers.get("content-type", ""))
            allowed = _Allowed(self._free, self._brought, key_in(scope))
            upload = _Upload(receive, form, allowed, _length(headers.get("content-length", "0")))
        except _Refused as refused:
            await refused.answer(scope, receive, send)
            return

        async def send_unless_refused(message: Message) -> None:
            if upload.refused is None:
                await send(message)

        await self._app(scope, upload.receive, send_unless_refused)
        if upload.refused is not None:
            await upload.refused.answer(scope, receive, send)


class _Refused(MultiPartException):
    """Why an upload is not taken, as the one kind of error after which Gradio clears up."""

    def __init__(self, refusal: Refusal, wait: float = 0.0) -> None:
        status, sentence = refusal
        super().__init__(sentence)
        later = {"Retry-After": str(math.ceil(wait))} if wait else {}
        close = {"Connection": "close"} if status == TOO_SLOW else {}
        self.answer = JSONResponse({"detail": sentence}, status, {**later, **close})


class _Form:
    """The parts of an upload as they pass by: Gradio keeps files of other names for ever, and
    fields that are no files in memory."""

    def __init__(self, content_type: str) -> None:
        kind, told = parse_options_header(content_type)
        self.is_whole = False
        self._files = 0
        self._header, self._value, self._disposition = b"", b"", b""
        try:
            self._parser = MultipartParser(
                told.get(b"boundary", b""),
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._read_header,
                    "on_header_value": self._read_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._check,
                    "on_end": self._end,
                },
            )
        except FormParserError:  # a boundary without end
            raise _Refused(FORM) from None
        if kind != b"multipart/form-data" or not told.get(b"boundary"):
            raise _Refused(FORM)

    def write(self, piece: bytes) -> None:
        """The next bytes; raises _Refused."""
        try:
            self._parser.write(piece)
        except FormParserError:
            raise _Refused(FORM) from None

    def _begin(self) -> None:
        self._disposition = b""

    def _read_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _read_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _check(self) -> None:
        _, told = parse_options_header(self._disposition)
        name = told.get(b"filename")
        if told.get(b"name") != FIELD or name is None or _leads_up(name):
            raise _Refused(FORM)
        self._files += 1
        if self._files > MOST_FILES:
            raise _Refused(MANY)

    def _end(self) -> None:
        self.is_whole = True


class _Allowed:
    """How many bytes one upload may have: by what it may be, and by what there is for all."""

    def __init__(self, free: Callable[[], int], brought: Rates, key: str) -> None:
        self._free = free
        self._brought = brought
        self._key = key
        self._paid = 0

    def check(self, length: int, more: int) -> None:
        """Raises _Refused where an upload can't have a length, of which ``more`` is to come.

        What it says of itself is counted at once, so that who may send no more sends nothing.
        """
        if length > MOST_BYTES:
            raise _Refused(LARGE)
        if self._free() - more < SPARE_BYTES:
            raise _Refused(FULL)
        wait = self._brought.wait(self._key, max(0, length - self._paid))
        if wait:
            raise _Refused((429, MUCH.format(math.ceil(wait / 60))), wait)
        self._paid = max(self._paid, length)


class _Upload:
    """One upload as it comes; raises _Refused where not even what it says of itself can be."""

    def __init__(self, receive: Receive, form: _Form, allowed: _Allowed, length: int) -> None:
        self.refused: _Refused | None = None
        self._body = Pace(receive, SECONDS, PER_SECOND, STALL_SECONDS)
        self._form = form
        self._allowed = allowed
        allowed.check(length, length)

    async def receive(self) -> Message:
        """The next piece; raises _Refused, and remembers it."""
        try:
            return await self._next()
        except _Refused as refused:
            self.refused = refused
            raise

    async def _next(self) -> Message:
        try:
            message = await self._body.receive()
        except TimeoutError:
            raise _Refused(SLOW) from None
        if message["type"] == "http.disconnect":
            raise _Refused(BROKEN_OFF)
        piece = message.get("body", b"")
        self._allowed.check(self._body.had, 0)
        self._form.write(piece)
        if not message.get("more_body", False) and not self._form.is_whole:
            raise _Refused(BROKEN_OFF)
        return message


def _length(said: str) -> int:
    """What a body says of its length; more than any may have where that is no number."""
    return int(said) if said.isdecimal() and len(said) <= 18 else MOST_BYTES + 1


def _leads_up(name: bytes) -> bool:
    """Whether Gradio refuses the name after it has written the file."""
    return PurePath(name.decode("latin-1")).name == ".."
