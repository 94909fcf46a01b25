"""Fetch a source's files into the cache, from the byte where an earlier try left off.

huggingface_hub 2.4 deletes its partial file when a download fails, and can't be stopped within a
file. So the bytes come over our own connection, into parts of our own, and only finished files
get the names that other tools know.
"""

from __future__ import annotations

import errno
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from huggingface_hub import constants, hf_hub_url

from wan_demo.domain.source import Source
from wan_demo.errors import DownloadFailed, NoRoomForModel
from wan_demo.hub import words
from wan_demo.hub.cache import RepoCache, find, put
from wan_demo.hub.connection import Connection, GaveUp, Patience, Stopped
from wan_demo.hub.listing import HubFile, Listing, list_files
from wan_demo.hub.part import Damaged, Part, fill

OnProgress = Callable[[int, int], None]
"""Takes the bytes that are here and the bytes of all files; the first may fall back."""

ROOM_MARGIN = 1.02
LARGEST_LORA = 6 * 10**9
"""Bytes of a LoRA, or of a pair: rank 256 of both 14B experts in bf16 has 5 GB."""

REPORT_SECONDS = 0.25
LOCK_POLL_SECONDS = 0.25
FULL = {errno.ENOSPC, errno.EDQUOT}

logger = logging.getLogger(__name__)


def fetch(
    source: Source,
    on_progress: OnProgress,
    stopped: Stopped,
    *,
    root: Path | None = None,
    endpoint: str | None = None,
    patience: Patience | None = None,
) -> Path:
    """The source's snapshot folder, whole; what is missing of it is fetched first.

    ``on_progress`` is called about four times a second at most, ``stopped`` at every piece that
    arrives. Where nothing is missing there is no request at all. ``root`` and ``endpoint`` are
    by default those of huggingface_hub (HF_HOME, HF_HUB_CACHE, HF_ENDPOINT).

    Raises DownloadFailed, NoRoomForModel, DownloadStopped; after each, the next call goes on
    from the bytes that are here.
    """
    if here := find(source, root):
        return here
    if constants.HF_HUB_OFFLINE:
        raise DownloadFailed(f"{source.repo} is not here, and HF_HUB_OFFLINE forbids to fetch it.")
    address = (endpoint or constants.ENDPOINT).rstrip("/")
    cache = RepoCache(source.repo, root)
    with Connection(source, address, stopped, patience or Patience()) as connection:
        with _explaining(connection, cache.bytes_kept):
            listing = list_files(connection)
        if source.is_lora and listing.total > LARGEST_LORA:
            raise DownloadFailed(words.too_large(source, listing.total, LARGEST_LORA))
        run = _Run(connection, cache, listing, on_progress)
        with _explaining(connection, run.bytes_here, listing.total), run.locked():
            return find(source, root) or run.complete()


class _Run:
    """One snapshot being completed."""

    def __init__(
        self, connection: Connection, cache: RepoCache, listing: Listing, on_progress: OnProgress
    ) -> None:
        self._connection = connection
        self._cache = cache
        self._listing = listing
        self._on_progress = on_progress
        self._told = 0.0

    def bytes_here(self) -> int:
        """Bytes of the wanted files that are on the disk, parts included."""
        commit = self._listing.commit
        return sum(self._cache.bytes_of(file, commit) for file in self._listing.files)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with this repo's parts; while another process has them, its progress is told."""
        lock = FileLock(self._cache.create().lock)
        while not _acquired(lock):
            self._connection.check()
            self._tell(self.bytes_here())
        try:
            yield
        finally:
            lock.release()

    def complete(self) -> Path:
        """Fetch what is missing and publish the snapshot."""
        self._cache.sweep(self._listing)
        self._refuse_without_room()
        done = self.bytes_here()
        self._tell(done, at_once=True)
        for file in self._missing():
            others = done - self._cache.bytes_of(file, self._listing.commit)
            self._fetch(file, others)
            done = others + file.size
        self._tell(self._listing.total, at_once=True)
        return self._cache.publish(self._connection.source, self._listing)

    def _missing(self) -> list[HubFile]:
        """Files to fetch, small ones first: a config that is gone shows before 20 GB."""
        commit = self._listing.commit
        missing = (file for file in self._listing.files if not self._cache.has(file, commit))
        by_content = {file.blob: file for file in missing}
        return sorted(by_content.values(), key=lambda file: file.size)

    def _refuse_without_room(self) -> None:
        commit = self._listing.commit
        missing = sum(f.size - self._cache.bytes_of(f, commit) for f in self._missing())
        needed, free = int(missing * ROOM_MARGIN), shutil.disk_usage(self._cache.blobs).free
        if needed > free:
            raise NoRoomForModel(words.no_room(self._connection.source, needed, free))

    def _fetch(self, file: HubFile, others: int) -> None:
        """One file, whole and in its place; a damaged one is fetched a second time.

        ``others`` is how many bytes of the other files are here.
        """
        path = self._cache.part(file)
        for is_last in (False, True):
            try:
                self._fill(file, path, others)
                break
            except Damaged as fault:
                path.unlink(missing_ok=True)
                logger.warning("%s of %s %s", file.path, self._connection.source.repo, fault)
                if is_last:
                    name = f"{file.path} of {self._connection.source.repo}"
                    raise DownloadFailed(f"{name} {fault}, twice in a row.") from fault
        put(path, self._cache.blob(file))

    def _fill(self, file: HubFile, path: Path, others: int) -> None:
        connection = self._connection
        url = hf_hub_url(
            connection.source.repo,
            file.path,
            revision=self._listing.commit,
            endpoint=connection.endpoint,
        )
        with Part(path, file, connection.check) as part:
            connection.persist(
                lambda: fill(connection, url, part, lambda: self._tell(others + part.size)),
                lambda: part.size,
            )

    def _tell(self, done: int, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._told >= REPORT_SECONDS:
            self._told = now
            self._on_progress(done, self._listing.total)


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=LOCK_POLL_SECONDS)
    except Timeout:
        return False
    return True


@contextmanager
def _explaining(
    connection: Connection, bytes_here: Callable[[], int], total: int | None = None
) -> Iterator[None]:
    """Faults of the hub and of the disk as one sentence, which says what is kept."""
    source = connection.source
    try:
        yield
    except GaveUp as fault:
        kept = words.resumes(bytes_here(), total)
        raise DownloadFailed(
            f"{source.repo} could not be downloaded: {connection.host} {fault}. {kept}"
        ) from fault
    except OSError as fault:
        if fault.errno in FULL:
            sentence = words.disk_full(source, bytes_here(), total or 0)
            raise NoRoomForModel(sentence) from fault
        reason = fault.strerror or type(fault).__name__
        raise DownloadFailed(f"The model cache (HF_HOME) can't be used: {reason}.") from fault
