"""The sentences of a download, in one place."""

from __future__ import annotations

from urllib.parse import urlsplit

from wan_demo.domain.source import Source

SELF_HELP = "Free some space, or set HF_HOME to a folder on another disk"


def size(count: int) -> str:
    """A number of bytes for a person, in decimal units as disks are sold."""
    if count < 1_000_000:
        return f"{count / 1e3:.1f} kB"
    return f"{count / 1e6:.1f} MB" if count < 1_000_000_000 else f"{count / 1e9:.1f} GB"


def host(endpoint: str) -> str:
    """The hub's name in sentences: the host, with its port where it has one."""
    return urlsplit(endpoint).netloc.rpartition("@")[2] or endpoint


def page(source: Source, endpoint: str) -> str:
    """The repo's own page, without the password that a mirror's address may hold."""
    return f"{urlsplit(endpoint).scheme}://{host(endpoint)}/{source.repo}"


def resumes(done: int, total: int | None = None) -> str:
    """What becomes of the bytes that are here; total is None before the hub has named one."""
    if not done:
        return "Nothing has arrived yet; try again later."
    share = size(done) if total is None else f"{size(done)} of {size(total)}"
    return f"{share} are here, and the next try goes on from there."


def no_room(source: Source, needed: int, free: int) -> str:
    """Refused before the first byte."""
    return (
        f"{source.repo} needs {size(needed)} more on the disk and {size(free)} are free. "
        f"{SELF_HELP}."
    )


def disk_full(source: Source, done: int, total: int) -> str:
    """The room went while the download ran."""
    return (
        f"The disk is full: {size(done)} of {size(total)} of {source.repo} are here and are kept. "
        f"{SELF_HELP}; the next try goes on from there."
    )


def gated(source: Source, endpoint: str) -> str:
    """The hub knows the repo and wants a licence accepted."""
    return (
        f"{source.repo} needs its licence accepted at {page(source, endpoint)} and a token of "
        "that account (HF_TOKEN)."
    )


def hidden(source: Source, endpoint: str) -> str:
    """The hub does not say whether the repo is missing or private."""
    return (
        f"{host(endpoint)} shows no {source.repo}: the name is wrong, or it needs a licence "
        f"accepted at {page(source, endpoint)} and a token of that account (HF_TOKEN)."
    )


def too_large(source: Source, total: int, most: int) -> str:
    """A whole model where a LoRA was asked for."""
    return f"{source.repo} is no LoRA: {size(total)} are more than the {size(most)} of the largest."
