"""Signed names: of files, which expire, of jobs and of owners. Nobody can list or guess one."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from wan_demo.media.folder import DataFolder, replacing

LINK_HOURS = 24
"""An address stays the same for an hour, so that a page can be redrawn without reloading its
videos, and works for LINK_HOURS at least."""


class Links:
    """Makes and reads the tokens of ``/files/...``, of ``?job=`` and of the owner's cookie.

    What ``is_deleted`` says of a job's id holds at once, whatever addresses are about.
    """

    def __init__(
        self, folder: DataFolder, is_deleted: Callable[[str], bool] = lambda _job_id: False
    ) -> None:
        key = _key(folder.root / "secret")
        self._folder = folder
        self._is_deleted = is_deleted
        self._files = URLSafeSerializer(key, salt="files")
        self._jobs = URLSafeSerializer(key, salt="job")
        self._owners = URLSafeSerializer(key, salt="owner")

    def video(self, name: str) -> str:
        """The address of a finished video, relative to the app's root."""
        return f"files/{self._sign('video', name)}"

    def poster(self, name: str) -> str | None:
        """The address of a finished video's still picture; None where it has none."""
        has_one = self._folder.poster(name).is_file()
        return f"files/{self._sign('poster', name)}" if has_one else None

    def source(self, job_id: str) -> str | None:
        """The address of what a job's model saw of a video; None where there is none."""
        has_one = self._folder.source(job_id).is_file()
        return f"files/{self._sign('source', job_id)}" if has_one else None

    def preview(self, job_id: str) -> str | None:
        """The address of a job's latest preview, new for each one; None before the first."""
        try:
            version = self._folder.preview(job_id).stat().st_mtime_ns
        except FileNotFoundError:
            return None
        return f"files/{self._sign('preview', job_id)}?v={version}"

    def resolve(self, token: str) -> Path | None:
        """The file behind a token; None where it is forged, expired, or its file is gone."""
        signed = _signed(self._files, token)
        if signed is None or signed[2] < time.time() // 3600:
            return None
        kind, name, _until_hour = signed
        at = self._folder
        places = {"video": at.video, "poster": at.poster, "source": at.source}
        path = places.get(kind, at.preview)(name)
        is_there = path.is_file() and not self._is_deleted(name.split(".")[0])
        return path if is_there else None

    def _sign(self, kind: str, name: str) -> str:
        until_hour = int(time.time() // 3600) + LINK_HOURS + 1
        return str(self._files.dumps([kind, name, until_hour]))

    def job(self, job_id: str) -> str:
        """What lets whoever has it look at this one job, for as long as the job is there.

        It is all that a page knows of a job: the id alone opens nothing.
        """
        return str(self._jobs.dumps(job_id))

    def read_job(self, token: str) -> str | None:
        """The id of a job by what ``job`` made; None where it did not."""
        return _read(self._jobs, token)

    def sign_owner(self, owner: str) -> str:
        """An owner's key: the cookie's value, and what a person takes to another browser."""
        return str(self._owners.dumps(owner))

    def read_owner(self, key: str) -> str | None:
        """The owner of a key; None where it is not one of ours."""
        return _read(self._owners, key)


def _read(serializer: URLSafeSerializer, token: str) -> str | None:
    value = _signed(serializer, token)
    return None if value is None else str(value)


def _signed(serializer: URLSafeSerializer, token: str) -> Any:
    """What was signed, by the very text that was made of it: base64 skips what is none of it,
    and its last letter has bits to spare, so that other texts would read the same. None for all
    others."""
    try:
        value = serializer.loads(token)
    except (BadData, ValueError):
        return None
    return value if serializer.dumps(value) == token else None


def new_owner() -> str:
    """An identity for somebody who has none yet."""
    return secrets.token_urlsafe(16)


def _key(path: Path) -> str:
    """The data folder's own secret, made on first use and readable by its owner only."""
    if not path.exists():
        with replacing(path) as part:
            part.touch(mode=0o600)
            part.write_text(secrets.token_urlsafe(32))
    return path.read_text()
