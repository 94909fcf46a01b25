"""Signed, expiring names for files, so that nobody can list or guess another's."""

from __future__ import annotations

import secrets
from pathlib import Path

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from wan_demo.media.folder import DataFolder, replacing

LINK_SECONDS = 24 * 3600


class Links:
    """Makes and reads the tokens of ``/files/...`` and of the owner's cookie."""

    def __init__(self, folder: DataFolder) -> None:
        key = _key(folder.root / "secret")
        self._folder = folder
        self._files = URLSafeTimedSerializer(key, salt="files")
        self._owners = URLSafeSerializer(key, salt="owner")

    def video(self, name: str) -> str:
        """The address of a finished video, below the app's root; good for LINK_SECONDS."""
        return f"files/{self._files.dumps(['video', name])}"

    def preview(self, job_id: str) -> str | None:
        """The address of a job's latest preview, new for each one; None before the first."""
        try:
            version = self._folder.preview(job_id).stat().st_mtime_ns
        except FileNotFoundError:
            return None
        return f"files/{self._files.dumps(['preview', job_id])}?v={version}"

    def resolve(self, token: str) -> Path | None:
        """The file behind a token; None where it is forged, expired, or its file is gone."""
        try:
            kind, name = self._files.loads(token, max_age=LINK_SECONDS)
        except (BadData, ValueError):
            return None
        path = self._folder.video(name) if kind == "video" else self._folder.preview(name)
        return path if path.is_file() else None

    def sign_owner(self, owner: str) -> str:
        """A cookie's value for an owner."""
        return str(self._owners.dumps(owner))

    def read_owner(self, cookie: str) -> str | None:
        """The owner of a cookie's value; None where it is not one of ours."""
        try:
            return str(self._owners.loads(cookie))
        except BadData:
            return None


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
