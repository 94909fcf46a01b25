"""Settings from the environment (``WAN_DEMO_*``) or a ``.env`` file: read here and nowhere else."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

LOOPBACK = ("127.0.0.1", "::1", "localhost")

ROOT_PATH = re.compile(r"(/[\w.~-]+)*/?")
SITE = re.compile(r"\*|'?(self|none)'?|https?:(//(\*|[\w.*-]+)(:(\d+|\*))?/?)?")

STORAGE = Path("/data")
"""A Space's own disk, which outlives its restarts, where its owner has it."""


def is_space() -> bool:
    """Whether this is a Space of the Hugging Face Hub."""
    return bool(os.environ.get("SPACE_ID"))


def is_zero_gpu() -> bool:
    """Whether this is a Space on ZeroGPU, by the words that its own package takes for yes."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def upload_folder() -> Path:
    """Where Gradio is to write uploads, by its own variable; else the system's place for such."""
    return Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())


def have_uploads_in(folder: Path) -> None:
    """Have Gradio write uploads there from now on: it asks its own variable each time."""
    os.environ["GRADIO_TEMP_DIR"] = str(folder)


def space_defaults(storage: Path = STORAGE) -> dict[str, Any]:
    """What is the default on a Space: everybody's page, behind the Hub's proxy.

    That proxy's own address changes, so that whichever asks is believed, and nobody counts as this
    machine's own.
    """
    if not is_space():
        return {}
    keeps = storage.is_dir() and os.access(storage, os.W_OK)
    kept = {"data_dir": storage / "wan_demo"} if keeps else {}
    return {"host": "0.0.0.0", "forwarded_allow_ips": "*", "metrics": False, **kept}


class Settings(BaseSettings):
    """How the app is started; every field but ``auth`` is also a flag of ``python app.py``."""

    model_config = SettingsConfigDict(env_prefix="WAN_DEMO_", env_file=".env", extra="ignore")

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=7860, ge=0, le=65535, description="Port; the next free one if it is busy."
    )
    data_dir: Path = Field(default=Path("data"), description="Folder of jobs, inputs and videos.")
    model: str | None = Field(
        default=None,
        description="Model that the page starts with: an id, or a path of a diffusers folder or "
        "of a transformer's file.",
    )
    downloads: bool | None = Field(
        default=None,
        description="Fetch a model that is not here when somebody makes a video with it; by "
        "default only where the page is for this machine alone.",
    )
    device: Literal["auto", "cuda", "mps", "cpu"] = Field(
        default="auto", description="auto, cuda, mps or cpu."
    )
    forwarded_allow_ips: str = Field(
        default="127.0.0.1",
        description="Proxies whose X-Forwarded headers are believed; * for whichever one asks, and "
        "for none before it.",
    )
    root_path: str = Field(
        default="/",
        description="Path under which a proxy shows the app, such as /wan; by default it has a "
        "host of its own.",
    )
    frame_ancestors: str = Field(
        default="self https://huggingface.co",
        description="Sites that may hold the app in their pages, as CSP's frame-ancestors has "
        "them; * for all.",
    )
    share: bool = Field(default=False, description="Ask Gradio for a public address.")
    auth: SecretStr | None = Field(
        default=None,
        description="Who may use the page: NAME:PASSWORD, several with commas between; by default "
        "everybody.",
    )
    engine: Literal["pipeline", "fake"] = Field(
        default="pipeline", description="pipeline, or fake: clips without a model."
    )
    fake_step_seconds: float = Field(
        default=0.3, ge=0, description="How long the fake engine takes for a step."
    )
    max_waiting: int = Field(
        default=1000,
        ge=1,
        description="Jobs that may wait at a time; one address may have a quarter of them.",
    )
    max_waiting_each: int = Field(
        default=20, ge=1, description="Jobs that each person may have waiting."
    )
    max_jobs_per_minute: int = Field(
        default=60,
        ge=1,
        description="Jobs that one address may add in a minute; this machine's own do not count.",
    )
    max_disk_gb: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="GB of videos to keep: the oldest go first, pinned ones never; by default all "
        "stay.",
    )
    safety_check: str | None = Field(
        default=None,
        description="A check of your own, MODULE:NAME: check(request, frames) says why not, or "
        "None; by default there is none.",
    )
    hang_seconds: float | None = Field(
        default=None,
        gt=0,
        description="Seconds without progress after which a job is begun again; by default an "
        "hour, and a day on the CPU.",
    )
    metrics: bool | None = Field(
        default=None,
        description="Answer /metrics to everybody, or to nobody; by default to this machine only, "
        "and to nobody with a public address of Gradio's.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="text, or json: an object a line, for programs."
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: Any, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is said anywhere comes before what a Space makes the default."""
        said = super().settings_customise_sources(settings_cls, *sources, **named)
        return (*said, InitSettingsSource(settings_cls, space_defaults()))

    @field_validator("root_path")
    @classmethod
    def _is_a_path(cls, root_path: str) -> str:
        if not ROOT_PATH.fullmatch(root_path):
            raise ValueError("must be a path such as /wan")
        return root_path

    @field_validator("frame_ancestors")
    @classmethod
    def _names_sites(cls, sites: str) -> str:
        wrong = [each for each in sites.split() or [sites] if not SITE.fullmatch(each)]
        if wrong:
            raise ValueError(
                "must be self, none, * or sites such as https://example.com, with spaces between; "
                f"{wrong[0]!r} is none"
            )
        return sites

    @field_validator("auth")
    @classmethod
    def _names_people(cls, auth: SecretStr | None) -> SecretStr | None:
        logins = _logins(auth)
        names = [name for name, _ in logins]
        if not all(name and password for name, password in logins) or len({*names}) < len(names):
            raise ValueError("must be NAME:PASSWORD, several with commas between, each name once")
        return auth

    @property
    def logins(self) -> Sequence[tuple[str, str]]:
        """Names and passwords of ``auth``; none where everybody may use the page."""
        return _logins(self.auth)

    @property
    def prefix(self) -> str:
        """``root_path`` as it stands before other paths: empty for the host's root."""
        return self.root_path.rstrip("/")

    @property
    def sites(self) -> Sequence[str]:
        """Those of ``frame_ancestors``, one by one."""
        return self.frame_ancestors.split()

    @property
    def metrics_for(self) -> Literal["all", "here", "nobody"]:
        """Who may read ``/metrics``: ``metrics``, if it was said.

        Gradio's tunnel connects from this machine, so that nobody counts as its own there.
        """
        if self.metrics is None:
            return "nobody" if self.share else "here"
        return "all" if self.metrics else "nobody"

    @property
    def may_download(self) -> bool:
        """Whether whoever opens the page may have a model fetched: ``downloads``, if it was said.

        A model is up to 126 GB: that is for the machine's own people to decide, not for visitors.
        """
        is_private = self.host in LOOPBACK and not self.share
        return is_private if self.downloads is None else self.downloads


def _logins(auth: SecretStr | None) -> list[tuple[str, str]]:
    pairs = auth.get_secret_value().split(",") if auth is not None else []
    parts = [pair.partition(":") for pair in pairs]
    return [(name.strip(), password) for name, _, password in parts]
