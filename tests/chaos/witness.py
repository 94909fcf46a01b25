"""Looks on during a round: what it saw once must still be so at the end."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import av

from wan_demo.domain.job import Status
from wan_demo.media.folder import DataFolder

LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Row:
    """A job as the table has it."""

    id: str
    status: Status
    attempt: int
    losses: int
    outputs: str
    failure: str | None

    @property
    def end(self) -> tuple[Status, str, str | None]:
        """What never changes again once the status is final."""
        return self.status, self.outputs, self.failure


def rows(database: Path) -> dict[str, Row]:
    """The whole table, by a way of our own and not by the code that is tested."""
    columns = "id, status, attempt, losses, outputs, failure"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)) as connection:
        found = connection.execute(f"SELECT {columns} FROM jobs ORDER BY seq").fetchall()
    return {row[0]: Row(row[0], Status(row[1]), *row[2:]) for row in found}


def frames_of(path: Path) -> int:
    """How many frames a video decodes to; raises for a file that is not whole."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


class Witness:
    """Sees every end and every video as soon as it is there, and complains of what is wrong."""

    def __init__(self, folder: DataFolder) -> None:
        self.complaints: list[str] = []
        self._folder = folder
        self._ends: dict[str, Row] = {}
        self._whole: set[str] = set()
        self._over = Flag()
        self._thread = Thread(target=self._watch, daemon=True)

    def clips(self, job_id: str) -> set[int]:
        """Which clips of a job were there whole at some time."""
        mine = [name.split(".") for name in self._whole if name.startswith(f"{job_id}.")]
        return {int(parts[2]) for parts in mine}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            with suppress(sqlite3.Error, FileNotFoundError):  # away, as rounds have it
                self.look()
            time.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """One look at the table and at the videos."""
        for path in self._folder.videos.glob("*.mp4"):
            if path.name not in self._whole:
                self._whole.add(path.name)
                self._decode(path)
        now = rows(self._folder.database)
        for row in now.values():
            if row.status.is_final:
                self._compare(self._ends.setdefault(row.id, row), row)
        self.complaints += [f"job {lost} is gone" for lost in self._ends.keys() - now.keys()]

    def _compare(self, before: Row, now: Row) -> None:
        if before.end != now.end:
            said = f"the end of {now.id} changed: {before.end} to {now.end}"
            self.complaints += [said] if said not in self.complaints else []

    def _decode(self, path: Path) -> None:
        try:
            frames_of(path)
        except FileNotFoundError:
            pass
        except Exception as error:
            self.complaints.append(f"{path.name} is not whole: {error}")
